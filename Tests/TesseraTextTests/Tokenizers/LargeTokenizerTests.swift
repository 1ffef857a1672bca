import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

/// The tokenizers of real models against the tokenizers library's ids, which `scripts/verify-tokenizers` writes.
@Suite("Large tokenizers")
struct LargeTokenizerTests {
  private static let folder = ProcessInfo.processInfo.environment["TESSERA_TEST_TOKENIZERS"]

  @Test(
    "ids and decodings are the library's on thousands of hard texts",
    .enabled(if: folder != nil, "TESSERA_TEST_TOKENIZERS is not set; scripts/verify-tokenizers sets it"))
  func agrees() throws {
    let folder = URL(fileURLWithPath: try #require(Self.folder))
    var index = 0
    while FileManager.default.fileExists(atPath: folder.appending(path: "\(index).expected.json").path) {
      defer { index += 1 }
      let expected = try JSONFields(
        of: JSONValue(parsing: [UInt8](Data(contentsOf: folder.appending(path: "\(index).expected.json")))))
      let start = ContinuousClock.now
      let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "\(index).tokenizer.json")))
      let json = try JSONValue(parsing: bytes)
      let parsed = ContinuousClock.now
      let tokenizer = try Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: json, path: "\(index)"))
      let loaded = ContinuousClock.now
      let name = try expected.string("name")
      let texts = try expected.strings("texts")
      var wrong = 0
      for (row, text) in texts.enumerated() {
        let ids = try Self.ids(expected, "ids", row)
        let isRight =
          try tokenizer.encode(text, addSpecial: false) == ids
          && tokenizer.encode(text) == Self.ids(expected, "special", row)
          && tokenizer.decode(ids) == expected.array("decoded")[row].stringValue
        if !isRight { wrong += 1 }
        #expect(isRight, "\(name) on \(text.debugDescription)")
      }
      print(
        "\(name): \(tokenizer.vocabularyCount) tokens, JSON in \(parsed - start), tokenizer in \(loaded - parsed); "
          + "\(wrong) of \(texts.count) texts differ, encoded and decoded in \(ContinuousClock.now - loaded)")
    }
    #expect(index > 0)
  }

  private static func ids(_ expected: JSONFields, _ key: String, _ row: Int) throws -> [Int] {
    try #require(try expected.array(key)[row].intList)
  }
}
