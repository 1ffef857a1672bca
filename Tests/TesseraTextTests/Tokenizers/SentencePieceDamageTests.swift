import TesseraJSON
import Testing

@testable import TesseraText

@Suite("SentencePiece model files that are damaged")
struct SentencePieceDamageTests {
  private let fixture: SentencePieceFixture

  init() throws { fixture = try SentencePieceFixture() }

  /// A field of bytes.
  private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }

  private func piece(_ text: [UInt8], score: Float = -1, type: UInt8 = 1) -> [UInt8] {
    let bits = score.bitPattern
    let score = [0x15] + (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    return field(1, field(1, text) + score + [0x18, type])
  }

  private func error(_ bytes: [UInt8]) throws -> String {
    let error = try #require(throws: TextError.self) { try SentencePieceModel(bytes, place: "x/spiece.model") }
    #expect(error.message.hasPrefix("x/spiece.model"), "\(error)")
    return error.message
  }

  @Test("each fault is named")
  func faults() throws {
    let unknown = piece(Array("<unk>".utf8), type: 2)
    let sound = unknown + piece(Array("a".utf8))
    #expect(try SentencePieceModel(sound, place: "x").pieces.count == 2)
    #expect(try error([]).contains("0 pieces"))
    #expect(try error(piece([0x61])).contains("0 pieces are the unknown one"))
    #expect(try error(unknown + piece(Array("<u>".utf8), type: 2)).contains("2 pieces are the unknown one"))
    #expect(try error(sound + piece([0x61])).contains("the pieces 1 and 2 are both"))
    #expect(try error(sound + piece([0xFF])).contains("no UTF-8"))
    #expect(try error(sound + piece([])).contains("empty"))
    #expect(try error(sound + piece([0])).contains("zero byte"))
    #expect(try error(sound + piece([0x62], score: .nan)).contains("no finite number"))
    #expect(try error(sound + piece([0x62], score: .infinity)).contains("no finite number"))
    #expect(try error(sound + piece([0x62], type: 7)).contains("none of 1 to 6"))
    #expect(try error(sound + piece(Array("<0x41>".utf8), type: 6)).contains("no byte"))
    #expect(try error(sound + field(2, [35 << 3 & 0x7F | 0x80, 2, 1])).contains("pieces for all bytes"))
    #expect(try error(sound + field(2, [0x18, 3])).contains("one of words"))
    #expect(try error(sound + field(2, [0x18, 4])).contains("one of characters"))
    #expect(try error(sound + field(2, [0x18, 5])).contains("none of 1 to 4"))
    #expect(try error(sound + field(3, field(2, [1, 2, 3]))).contains("character map"))
    #expect(try error(sound + [0x0A] + [UInt8](repeating: 0xFF, count: 8) + [0x7F, 1]).contains("bytes, of which 1"))
    #expect(try error(sound + [UInt8](repeating: 0xFF, count: 12)).contains("more than 64 bits"))
    #expect(try error(sound + [0x0B]).contains("wire type 3"))
    #expect(try error(sound + [0x02, 0]).contains("no field 0"))
    #expect(try error(sound + [0x0D, 1]).contains("ends within a number"))
    #expect(try error(Array("IQ== 0\nIg== 1\n".utf8)).contains("no SentencePiece model"))
  }

  @Test("files cut short and with wrong bytes are refused or work", arguments: ["unigram-user", "bpe-unused"])
  func damage(name: String) throws {
    let bytes = try fixture.file(name)
    var generator = SystemRandomNumberGenerator()
    for round in 0..<150 {
      var damaged = bytes
      if round.isMultiple(of: 2) {
        damaged.removeLast(Int.random(in: 1..<bytes.count, using: &generator))
      } else {
        for _ in 0..<4 { damaged[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255) }
      }
      let files = HuggingFaceTokenizerFiles(pieceModel: damaged, named: "tokenizer.model", path: "x")
      var named = files
      named.tokenizerConfig = ["tokenizer_class": "LlamaTokenizer"]
      guard let tokenizer = try? Tokenizer(huggingFace: named) else { continue }
      let ids = try? tokenizer.encode("Hello <unk> wörld ABC<sep>…  ☃ quick")
      #expect((try? tokenizer.decode(ids ?? [])) != nil)
    }
  }

  @Test("a folder's other files may be wrong, too")
  func folders() throws {
    let classes = try fixture.classes()
    func error(_ name: String, _ change: (inout HuggingFaceTokenizerFiles) -> Void) throws -> TextError {
      var files = try #require(classes.first { $0.name == name }).files
      change(&files)
      return try #require(throws: TextError.self) { try Tokenizer(huggingFace: files) }
    }
    #expect(try error("marian") { $0.vocabulary = nil }.message.contains("vocab.json"))
    #expect(try error("marian") { $0.vocabulary = ["a": 1] }.message.contains("<unk>"))
    #expect(try error("marian") { $0.vocabulary = ["<unk>": "x"] }.message.contains("should be an id"))
    #expect(try error("marian") { $0.vocabulary = ["<unk>": 0, "a": 0] }.message.contains("same id"))
    #expect(try error("marian") { $0.vocabulary = ["<unk>": 1_000_000] }.message.contains("highest id"))
    #expect(try error("t5") { $0.tokenizerConfig = ["tokenizer_class": "X"] }.code == .unsupportedModel)
    #expect(try error("t5") { $0.tokenizerConfig = nil }.message.contains("T5Tokenizer"))
    #expect(
      try error("t5") { $0.tokenizerConfig = ["tokenizer_class": "T5Tokenizer", "extra_ids": 1_000_000_000_000] }
        .message.contains("extra_ids"))
    var files = try #require(classes.first { $0.name == "t5" }).files
    (files.tokenizerConfig, files.modelType) = (nil, "mt5")
    #expect(try Tokenizer(huggingFace: files).vocabularyCount > 0)
  }

  @Test("languages stand where the tokenizers put them")
  func languages() throws {
    let classes = try fixture.classes()
    func tokenizer(_ name: String) throws -> Tokenizer {
      try Tokenizer(huggingFace: try #require(classes.first { $0.name == name }).files)
    }
    let nllb = try tokenizer("nllb")
    let plain = try nllb.encode("Hello", addSpecial: false)
    let (english, french) = (try #require(nllb.token(named: "eng_Latn")), try #require(nllb.token(named: "fra_Latn")))
    let encoded = try nllb.encode("Hello", from: "eng_Latn", to: "fra_Latn")
    #expect(encoded.ids == [english] + plain + [2] && encoded.first == [french] && nllb.languages.count == 202)
    let old = try tokenizer("nllb-legacy").encode("Hello", from: "fra_Latn", to: nil)
    #expect(old.ids == plain + [2, french] && old.first == nil)
    let mbart = try tokenizer("mbart")
    let romanian = try #require(mbart.token(named: "ro_RO"))
    #expect(try mbart.encode("Hello", from: "ro_RO", to: "en_XX").ids.suffix(2) == [2, romanian])
    #expect(try tokenizer("marian").languages == ["deu", "fra", "zh_Hans"])
    let unknown = try #require(throws: TextError.self) { try nllb.encode("a", from: "english", to: nil) }
    #expect(unknown.code == .unknownLanguage && unknown.message.contains("such as eng_Latn"), "\(unknown)")
    #expect(throws: TextError.self) { try tokenizer("t5").encode("a", from: "en", to: nil) }
  }
}
