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
    let spaces = ["\u{A0}", "\u{3000}", "\u{2003}", " ", "\n\t", "\u{AD}", "\u{200B}"].map {
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

  @Test("of tokenizers of bytes something is promised, of those that make one token of many characters nothing")
  func promised() throws {
    let text = String(repeating: "Promised tokens: ", count: 1000)
    let promises = Dictionary(
      try Self.tokenizers().map { ($0.name, $0.tokenizer.leastTokens(of: text)) }, uniquingKeysWith: max)
    for name in ["gpt-2", "llama-bpe", "qwen2", "SentencePiece"] { #expect(promises[name] ?? 0 > 300, "\(promises)") }
    #expect(promises.values.contains(0), "\(promises)")
  }
}
