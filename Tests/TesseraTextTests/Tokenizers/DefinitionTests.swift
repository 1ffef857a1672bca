import Testing

@testable import TesseraText

@Suite("Tokenizer definitions")
struct DefinitionTests {
  private static func bytePair() -> TokenizerDefinition {
    var definition = TokenizerDefinition(
      model: .bytePair, tokens: ByteStrings(texts: ["a", "b", "c", "ab", "abc", "<e>"]))
    definition.preTokenizer = "gpt-2"
    definition.tokenTypes = [1, 1, 1, 1, 1, 3]
    definition.merges = ByteStrings(texts: ["a b", "ab c"])
    return definition
  }

  private static func error(_ change: (inout TokenizerDefinition) -> Void) throws -> TextError {
    var definition = bytePair()
    change(&definition)
    return try #require(throws: TextError.self) { try Tokenizer(definition) }
  }

  @Test("a small definition works")
  func works() throws {
    let tokenizer = try Tokenizer(Self.bytePair())
    #expect(try tokenizer.encode("abcab<e>") == [4, 3, 5])
    #expect(tokenizer.vocabularyCount == 6)
    #expect(!tokenizer.addsBeginToken)
  }

  @Test("unknown models and pre-tokenizers are refused with the known names")
  func unknownNames() throws {
    let model = try #require(throws: TextError.self) { try TokenizerDefinition.Model(named: "rwkv\n") }
    #expect(model.code == .unsupportedModel)
    #expect(model.message.contains("gpt2") && model.message.contains("llama") && !model.message.contains("\n"))
    let rule = try Self.error { $0.preTokenizer = "tokken" }
    #expect(rule.code == .unsupportedPreTokenizer)
    #expect(rule.message.contains("'tokken'") && rule.message.contains("smollm"))
  }

  @Test("lengths that differ from the vocabulary's are refused")
  func lengths() throws {
    #expect(try Self.error { $0.tokens = ByteStrings() }.code == .malformedVocabulary)
    #expect(try Self.error { $0.tokenTypes = [1] }.message.contains("1 token types for 6 tokens"))
    #expect(try Self.error { $0.scores = [0, 1] }.message.contains("2 scores for 6 tokens"))
  }

  @Test("special ids outside the vocabulary are noted and ignored", arguments: [-1, 6, 4_294_967_295, .max, .min])
  func ids(id: Int) throws {
    let paths: [WritableKeyPath<TokenizerDefinition, Int?>] = [
      \.bosToken, \.eosToken, \.eotToken, \.eomToken, \.unknownToken, \.paddingToken, \.separatorToken, \.maskToken,
    ]
    for path in paths {
      var definition = Self.bytePair()
      definition[keyPath: path] = id
      let tokenizer = try Tokenizer(definition)
      #expect(tokenizer.notes.count == 1)
      #expect(tokenizer.notes[0].contains("\(id)") && tokenizer.notes[0].contains("6 tokens"))
      #expect(try tokenizer.encode("abcab<e>") == [4, 3, 5])
    }
    #expect(try Tokenizer(Self.bytePair()).notes.isEmpty)
  }

  @Test("a token that must be added but is not there is refused")
  func missingEnds() throws {
    #expect(try Self.error { $0.addBOS = true }.message.contains("bos"))
    #expect(try Self.error { $0.addEOS = true }.message.contains("eos"))
    #expect(try Self.error { $0.addSeparator = true }.message.contains("separator"))
  }

  @Test("longer tokens without merges are an incomplete file")
  func missingMerges() throws {
    let error = try Self.error { $0.merges = ByteStrings() }
    #expect(error.code == .malformedVocabulary)
    #expect(error.message.contains("tokenizer.ggml.merges") && error.message.contains("'ab'"))
    let bytes = TokenizerDefinition(model: .bytePair, tokens: ByteStrings(texts: ["a", "b", "Ġ", "é"]))
    #expect(try Tokenizer(bytes).encode("b a") == [1, 2, 0])
  }

  @Test("two tokens with one text are refused with both ids")
  func duplicates() throws {
    let error = try Self.error { $0.tokens = ByteStrings(texts: ["a", "b", "c", "ab", "abc", "b"]) }
    #expect(error.message.contains("tokens 1 and 5"))
  }

  @Test(
    "merges that are no pair of tokens are refused",
    arguments: ["", " ", "a", "ab", "a x", "x a", "b a", "a ", " a", "a b c", "a  b", "é b", "\u{FFFF} b"])
  func merges(merge: String) throws {
    let error = try Self.error { $0.merges = ByteStrings(texts: ["a b", merge]) }
    #expect(error.code == .malformedVocabulary)
    #expect(error.message.contains("merge 1"))
  }

  @Test("a score that is no number is refused")
  func scores() throws {
    var definition = TokenizerDefinition(
      model: .sentencePiece, tokens: ByteStrings(texts: ["<unk>", "<s>", "</s>", "a"]))
    definition.scores = [0, 0, .infinity, -.infinity]
    #expect(try Tokenizer(definition).vocabularyCount == 4)
    definition.scores[3] = .nan
    #expect(throws: TextError.self) { try Tokenizer(definition) }
  }

  @Test("tokens without text never match and stand for nothing")
  func emptyTokens() throws {
    var definition = Self.bytePair()
    definition.tokens = ByteStrings(texts: ["a", "b", "c", "ab", "abc", "<e>", "", ""])
    definition.tokenTypes = [1, 1, 1, 1, 1, 3, 1, 3]
    let tokenizer = try Tokenizer(definition)
    #expect(try tokenizer.encode("abc<e>") == [4, 5])
    #expect(try tokenizer.decode([6, 0, 7]) == "a")
  }

  @Test("unknown token types are no reason to fail")
  func types() throws {
    var definition = Self.bytePair()
    definition.tokenTypes = [.max, .min, 0, 5, 99, -1]
    let tokenizer = try Tokenizer(definition)
    #expect(try tokenizer.piece(3) == [])
    #expect(try tokenizer.encode("ab") == [3])
  }

  @Test("byte tokens that name no byte stand for their text")
  func byteTokens() throws {
    let texts = ["<0x41>", "<0x4>", "<0xZZ>", "<0x+1>", "<0x-1>", "x"]
    var definition = TokenizerDefinition(model: .sentencePiece, tokens: ByteStrings(texts: texts))
    definition.tokenTypes = [6, 6, 6, 6, 6, 6]
    let tokenizer = try Tokenizer(definition)
    #expect(try tokenizer.piece(0) == [0x41])
    #expect(try (1..<6).map { String(decoding: try tokenizer.piece($0), as: UTF8.self) } == Array(texts[1...]))
  }

  @Test("damaged definitions are refused or work, but never trap")
  func damaged() throws {
    let fixture = try SmallVocabularies.load()
    let texts = try fixture.bytes()
    var generator = RepeatableGenerator(state: 5)
    for round in 0..<120 {
      var definition = round % 2 == 0 ? fixture.bytePairDefinition("smollm") : fixture.scoredDefinition()
      var tokens = definition.tokens.map { $0 }
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: 0..<tokens.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: tokens[index] = (0..<3).map { _ in UInt8.random(in: 0...255, using: &generator) }
        case 1: tokens.remove(at: index)
        case 2: tokens.append([UInt8](repeating: 0xE2, count: index))
        case 3: definition.tokenTypes[index % definition.tokenTypes.count] = Int32.random(in: 0...7, using: &generator)
        default: definition.model = round % 4 == 0 ? .sentencePiece : .bytePair
        }
      }
      definition.tokens = ByteStrings(tokens)
      definition.tokenTypes = Array(definition.tokenTypes.prefix(tokens.count))
      definition.tokenTypes += [Int32](repeating: 1, count: tokens.count - definition.tokenTypes.count)
      definition.scores = definition.scores.isEmpty ? [] : (0..<tokens.count).map { Float($0 % 50) }
      guard let tokenizer = try? Tokenizer(definition) else { continue }
      for text in texts.shuffled(using: &generator).prefix(8) {
        guard let ids = try? tokenizer.encode(text) else { continue }
        #expect(ids.allSatisfy { tokens.indices.contains($0) })
        _ = try tokenizer.decode(ids)
      }
    }
  }
}
