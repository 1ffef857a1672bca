import TesseraJSON
import Testing

@testable import TesseraText

@Suite("SentencePiece model files")
struct SentencePieceTests {
  private let fixture: SentencePieceFixture

  init() throws { fixture = try SentencePieceFixture() }

  @Test("each kind of model gives the ids that SentencePiece gives")
  func models() throws {
    for (name, expected) in try fixture.models() {
      let file = try SentencePieceModel(try fixture.file(name), place: name)
      let unknown = try #require(file.types.firstIndex(of: .unknown))
      let encoder = try PieceEncoder(
        file, tokens: file.pieces.indices.map { Int32($0) }, unknownToken: unknown, textTokens: nil)
      let normalizer = PieceNormalizer(file, continues: false)
      for (text, ids) in zip(fixture.texts, expected) {
        var lattice = UnigramEncoder.Lattice()
        var found: [Int] = []
        normalizer.apply(Array(text.utf8), longest: 1 << 20).withUnsafeBufferPointer {
          encoder.encode($0, &lattice, into: &found)
        }
        #expect(found == ids, "\(name): \(text.debugDescription)")
      }
    }
  }

  @Test("each class of transformers' tokenizers: ids, texts, names")
  func classes() throws {
    for known in try fixture.classes() {
      let tokenizer = try Tokenizer(huggingFace: known.files)
      #expect(tokenizer.vocabularyCount == (try known.fields.int("count")), "\(known.name)")
      let names = try known.fields.fields("names")
      #expect(tokenizer.beginToken == names["bos_token"]?.intValue, "\(known.name)")
      #expect(tokenizer.endToken == names["eos_token"]?.intValue, "\(known.name)")
      #expect(tokenizer.unknownToken == names["unk_token"]?.intValue, "\(known.name)")
      #expect(tokenizer.paddingToken == names["pad_token"]?.intValue, "\(known.name)")
      for ((input, ids), output) in zip(zip(known.inputs, known.ids), known.outputs) {
        #expect(try tokenizer.encode(input) == ids, "\(known.name): \(input.debugDescription)")
        #expect(try tokenizer.decode(ids) == output, "\(known.name): \(ids)")
      }
    }
  }
}
