import Foundation
import Testing

@testable import Tessera
@testable import TesseraText

/// The tokenizers of real models against llama.cpp's ids, which `Tests/Fixtures-scripts/make_tokenizer_fixtures.py`
/// wrote.
@Suite("Real tokenizers")
struct TokenizerFixtureTests {
  private struct Fixture: Decodable {
    struct Case: Decodable {
      let text_base64: String
      let ids_parse_special_true: [Int]
      let ids_parse_special_false: [Int]?
      let ids_add_special_true: [Int]
      let others: [Int]?
    }

    let count: Int
    let end_tokens: [Int]
    let pieces: [String: String]
    let cases: [Case]
  }

  @Test(
    "ids, pieces and ends of generation are llama.cpp's",
    .enabled(if: !TestModel.all.isEmpty, "TESSERA_TEST_SMOLLM2 and TESSERA_TEST_GEMMA3 are not set"),
    arguments: TestModel.all)
  func agrees(model: TestModel) throws {
    let fixture = try model.fixture("tokenizer", as: Fixture.self)
    let tokenizer = try ModelSource(path: model.path).tokenizer()
    #expect(tokenizer.vocabularyCount == fixture.count)
    #expect(tokenizer.endOfGenerationTokens == Set(fixture.end_tokens))
    for (id, piece) in fixture.pieces {
      #expect(try tokenizer.piece(try #require(Int(id))) == [UInt8](try #require(Data(base64Encoded: piece))))
    }
    for item in fixture.cases {
      let text = [UInt8](try #require(Data(base64Encoded: item.text_base64)))
      let parsed = try tokenizer.encode(text, addSpecial: false)
      #expect(parsed == item.ids_parse_special_true, "\(String(decoding: text, as: UTF8.self).debugDescription)")
      let plain = try tokenizer.encode(text, addSpecial: false, parseSpecial: false)
      #expect(plain == item.ids_parse_special_false ?? item.ids_parse_special_true)
      #expect(try tokenizer.encode(text) == item.ids_add_special_true)
    }
  }

  @Test("transformers differs from llama.cpp only where Gemma's text has literal ▁ or over 31 spaces")
  func others() throws {
    for (model, count) in [("smollm2", 0), ("gemma3", 3)] {
      let url = try #require(Bundle.module.url(forResource: "Fixtures/tokenizer-\(model)", withExtension: "json"))
      let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
      #expect(fixture.cases.count { $0.others != nil } == count)
    }
  }
}
