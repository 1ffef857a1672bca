import TesseraJSON
import Testing

@testable import TesseraText

@Suite("What a text's length says of its tokens")
struct TokenLengthsTests {
  /// Tokenizers of all kinds, and whether something can be said.
  private static func tokenizers() throws -> [(name: String, tokenizer: Tokenizer)] {
    let small = try SmallVocabularies.load()
    var all: [(name: String, tokenizer: Tokenizer)] = []
    for name in ["gpt-2", "llama-bpe", "qwen2"] {
      all.append((name, try Tokenizer(small.bytePairDefinition(name))))
    }
    var definition = small.scoredDefinition()
    all.append(("SentencePiece", try Tokenizer(definition)))
    definition.modelName = "Phi-3 small"
    all.append(("stripping", try Tokenizer(definition)))
    for whole in try TokenizerJSONFixture().tokenizers() { all.append((whole.name, try whole.tokenizer())) }
    return all
  }

  @Test("no text has fewer tokens than are promised")
  func least() throws {
    let texts =
      try SmallVocabularies.load().bytes().map { String(decoding: $0, as: UTF8.self) }
      + TokenizerJSONFixture().texts
    let spaces = [
      "\u{A0}", "\u{3000}", "\u{2003}", " ", "\n\t", "\u{AD}", "\u{200B}", "e\u{301}", "=\u{338}", "か\u{3099}", "が",
      "カ\u{FF9E}",
      "\u{1112}\u{1161}\u{11AB}", "한", "\u{1F82}", "\u{1FEF}", "漢", "\u{7F}",
    ].map {
      String(repeating: $0, count: 999)
    }
    for (name, tokenizer) in try Self.tokenizers() {
      let inner = spaces.map { "a" + $0 + "\u{301}b" }
      for text in texts + spaces + inner {
        for text in [text, String(repeating: text, count: 9)] {
          let count = try tokenizer.encode(text, addSpecial: false).count
          #expect(tokenizer.leastTokens(of: text) <= count, "\(name): \(text.debugDescription.prefix(200))")
        }
      }
    }
  }

  @Test("a mark may take a character out of those that a vocabulary of ASCII knows")
  func marked() throws {
    var vocabulary = JSONObject()
    for value in UInt8(0x21)...0x7E { vocabulary[String(decoding: [value], as: UTF8.self)] = .int(Int(value) - 0x21) }
    let json: JSONValue = [
      "normalizer": ["type": "NFC"], "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
    ]
    let tokenizer = try Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: json, path: "model"))
    #expect(tokenizer.leastTokens(of: "aceb") == 4)
    for text in ["ae\u{301}b", "=\u{338}", "e\u{301}e"] {
      #expect(try tokenizer.leastTokens(of: text) <= tokenizer.encode(text, addSpecial: false).count, "\(text)")
    }
  }

  @Test("bytes that a vocabulary lacks are not counted, the others are")
  func lacking() throws {
    var vocabulary = JSONObject()
    for byte in 0..<256 where byte != 0x20 && byte < 0xF0 {
      let scalar = try #require(Unicode.Scalar(ByteLevelAlphabet.scalars[byte]))
      vocabulary[String(scalar)] = .int(vocabulary.count)
    }
    let model: JSONValue = ["type": "BPE", "vocab": .object(vocabulary), "merges": []]
    let bytes: JSONValue = ["type": "ByteLevel", "add_prefix_space": false]
    func tokenizer(_ normalizer: JSONValue, _ preTokenizer: JSONValue) throws -> Tokenizer {
      let json: JSONValue = ["normalizer": normalizer, "pre_tokenizer": preTokenizer, "model": model]
      return try Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: json, path: "model"))
    }
    // Bytes that become others before they are looked for.
    let escaped: JSONValue = ["type": "Replace", "pattern": ["String": "n"], "content": "🦜"]
    for other in [try tokenizer(escaped, bytes), try tokenizer(["type": "ByteLevel"], bytes)] {
      for text in ["a" + String(repeating: "n", count: 99), String(repeating: "\u{1}", count: 99)] {
        #expect(try other.leastTokens(of: text) <= other.encode(text, addSpecial: false).count)
      }
    }
    let tokenizer = try tokenizer(nil, bytes)
    for (text, least) in [(" a\nb ", 3), ("\n\t\n", 3), ("か", 3), ("🦜a", 4)] {
      #expect(try tokenizer.encode(text, addSpecial: false).count == least)
      // A character that stands for a byte has two.
      #expect(tokenizer.leastTokens(of: text) == (least + 1) / 2, "\(text)")
    }
  }

  @Test("of tokenizers of bytes something is promised, of those that make one token of many characters nothing")
  func promised() throws {
    let text = String(repeating: "Promised tokens: ", count: 1000)
    let promises = Dictionary(
      try Self.tokenizers().map { ($0.name, $0.tokenizer.leastTokens(of: text)) }, uniquingKeysWith: max)
    for name in ["gpt-2", "llama-bpe", "qwen2", "SentencePiece"] { #expect(promises[name] ?? 0 > 300, "\(promises)") }
    for text in ["ひらがな", "\u{A0}", "       "].map({ String(repeating: $0, count: 100_000) }) {
      for (name, tokenizer) in try Self.tokenizers() where ["gpt-2", "llama-bpe", "SentencePiece"].contains(name) {
        #expect(tokenizer.leastTokens(of: text) > 1000, "\(name) \(text.prefix(1))")
      }
    }
    #expect(promises.values.contains(0), "\(promises)")
  }
}
