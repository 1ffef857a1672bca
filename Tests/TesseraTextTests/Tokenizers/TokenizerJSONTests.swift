import TesseraJSON
import Testing

@testable import TesseraText

@Suite("tokenizer.json")
struct TokenizerJSONTests {
  @Test("every normalizer gives the library's text")
  func normalizers() throws {
    let fixture = try TokenizerJSONFixture()
    for (part, expected) in try fixture.cases("normalizers") {
      let steps = try Normalizer.steps(part)
      for (text, wanted) in zip(fixture.texts, expected) {
        var bytes = Array(text.utf8)
        var limit = GrowthLimit(bytes: bytes.count)
        for step in steps { try step.apply(&bytes, isAfterSpecial: true, &limit) }
        #expect(
          bytes == Array(try #require(wanted.stringValue).utf8), "\(part.fields.object) on \(text.debugDescription)")
      }
    }
  }

  @Test("every pre-tokenizer, behavior and pattern gives the library's pieces")
  func preTokenizers() throws {
    let fixture = try TokenizerJSONFixture()
    let cases = try fixture.cases("pre_tokenizers")
    #expect(cases.count > 50)
    for (part, expected) in cases {
      let steps = try PreTokenizer.steps(part)
      for (text, wanted) in zip(fixture.texts, expected) {
        var pieces = TextPieces(Array(text.utf8), beginsText: true)
        var limit = GrowthLimit(bytes: pieces.bytes.count)
        for step in steps { try step.apply(&pieces, &limit) }
        let strings = try #require(wanted.stringList)
        #expect(pieces.strings == strings, "\(part.fields.object) on \(text.debugDescription)")
      }
    }
  }

  @Test("the pre-tokenizers of GGUF files cut as the published patterns do")
  func named() throws {
    let fixture = try TokenizerJSONFixture()
    for (name, expected) in try fixture.document.fields("named").object.members {
      let steps = try NamedPreTokenizer.named(name).preTokenizers()
      for (text, wanted) in zip(fixture.texts, try #require(expected.arrayValue)) {
        // The library knows Unicode 16, llama.cpp 15.1.
        let isNew = text.unicodeScalars.contains { scalar in
          scalar.properties.age.map { ($0.major, $0.minor) > (15, 1) } ?? false
        }
        if isNew { continue }
        var pieces = TextPieces(Array(text.utf8), beginsText: true)
        var limit = GrowthLimit()
        for step in steps {
          if case .byteLevel = step { continue }
          try step.apply(&pieces, &limit)
        }
        let strings = try #require(wanted.stringList)
        #expect(pieces.strings == strings, "\(name) on \(text.debugDescription)")
      }
    }
  }

  @Test("every decoder gives the library's text, also token by token")
  func decoders() throws {
    let fixture = try TokenizerJSONFixture()
    let lists = try fixture.document.array("tokens").map { try #require($0.stringList) }
    for (part, expected) in try fixture.cases("decoders") {
      let decoder = TokenDecoder(try TokenDecoder.steps(part))
      for (tokens, wanted) in zip(lists, expected) {
        guard let wanted = wanted.stringValue else { continue }
        let bytes = try decoder.decode(tokens.map { Array($0.utf8) })
        #expect(String(decoding: bytes, as: UTF8.self) == wanted, "\(part.fields.object) on \(tokens)")
      }
    }
  }

  @Test("every model gives the library's ids, decodings, special tokens and pairs")
  func wholes() throws {
    let fixture = try TokenizerJSONFixture()
    for whole in try fixture.tokenizers() {
      let tokenizer = try whole.tokenizer()
      let decoded = try whole.fields.strings("texts")
      for ((text, ids), decoded) in zip(zip(fixture.texts, try whole.ids("ids")), decoded) {
        #expect(try tokenizer.encode(text, addSpecial: false) == ids, "\(whole.name) on \(text.debugDescription)")
        #expect(try tokenizer.decode(ids) == decoded, "\(whole.name): \(ids)")
      }
      for (text, ids) in zip(fixture.texts, try whole.ids("special")) {
        #expect(try tokenizer.encode(text) == ids, "\(whole.name) on \(text.debugDescription)")
      }
      for (index, pair) in try whole.fields.array("pairs").enumerated() {
        let wanted = try JSONFields(of: pair)
        let (ids, types) = try tokenizer.encode(fixture.texts[index], pair: fixture.texts[index + 6])
        #expect(try ids == wanted.ints("ids"), "\(whole.name), pair \(index)")
        #expect(try types == wanted.ints("types"), "\(whole.name), pair \(index)")
      }
    }
  }

  @Test("a stream of tokens adds up to the decoding, whatever the decoder, but for the first token's space")
  func streams() throws {
    let fixture = try TokenizerJSONFixture()
    for whole in try fixture.tokenizers() {
      let tokenizer = try whole.tokenizer()
      for ids in try whole.ids("ids") {
        // A first token is not like the others to some decoders.
        let begin = try StreamingDetokenizer.text(of: ids.first.map { [$0, $0] } ?? [], tokenizer)
        #expect(String(decoding: Array(begin.utf8), as: UTF8.self) == begin)
        let bytes = try tokenizer.components.decoder.decode(
          ids.filter { !tokenizer.isControl($0) }.map { tokenizer.components.tokens[$0] }, beginsText: false)
        #expect(try StreamingDetokenizer.text(of: ids, tokenizer) == String(decoding: bytes, as: UTF8.self))
      }
    }
  }

  @Test("BERT's and T5's vocabularies give the same ids from a GGUF file")
  func fromGGUF() throws {
    let fixture = try TokenizerJSONFixture()
    let bert = try fixture.tokenizer(named: "WordPiece")
    let pieces = try bert.tokenizer().components.tokens.enumerated().map { id, token -> String in
      let text = String(decoding: token, as: UTF8.self)
      if id < 5 || text.contains("▁") { return "<\(id)>" }
      return text.hasPrefix("##") ? String(text.dropFirst(2)) : "▁" + text
    }
    var definition = TokenizerDefinition(model: .wordPiece, tokens: ByteStrings(texts: pieces))
    definition.tokenTypes = pieces.indices.map { $0 < 5 ? 3 : 1 }
    (definition.unknownToken, definition.bosToken, definition.separatorToken) = (1, 2, 3)
    let words = try Tokenizer(definition)
    // llama.cpp's words may be of any length.
    let known = try zip(fixture.texts, bert.ids("ids")).filter { text, ids in
      !text.contains("▁") && !text.contains("[CLS]") && !text.contains(String(repeating: "a", count: 21))
        && !text.split(separator: " ").contains { $0.count > 20 }
    }
    #expect(known.count > 30)
    for (text, ids) in known {
      #expect(try words.encode(text) == [2] + ids + [3], "\(text.debugDescription)")
    }
    #expect(try words.encode("a", pair: "b").typeIDs == [0, 0, 0, 1, 1])

    let unigram = try fixture.tokenizer(named: "Unigram")
    var t5 = TokenizerDefinition(model: .unigram, tokens: try unigram.tokenizer().components.tokens)
    t5.tokenTypes = t5.tokens.indices.map { $0 == 2 ? 2 : $0 < 2 ? 3 : 1 }
    t5.scores = try ModelFields(JSONFields(of: unigram.json)).vocabulary().scores.map { Float($0) }
    t5.removeExtraSpaces = true
    let scored = try Tokenizer(t5)
    // GGUF has scores of 32 bits, which break ties such as `.` + `..` otherwise.
    for (text, ids) in zip(fixture.texts, try unigram.ids("ids"))
    where text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) && !text.contains("  ") && !text.contains("</s>")
      && !text.contains("...") && !text.hasPrefix(" ") && !text.hasSuffix(" ") && !text.isEmpty
    {
      #expect(try scored.encode(text, addSpecial: false, parseSpecial: false) == ids, "\(text.debugDescription)")
      #expect(try scored.encode(text, parseSpecial: false).last == 1)
    }
  }
}

extension StreamingDetokenizer {
  /// The text that a stream of tokens adds up to.
  static func text(of ids: [Int], _ tokenizer: Tokenizer) throws -> String {
    var stream = StreamingDetokenizer(tokenizer)
    var text = ""
    for id in ids { text += try stream.append(id) }
    return text + stream.finish()
  }
}
