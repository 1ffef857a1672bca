import Testing

@testable import TesseraText

@Suite("Streaming text")
struct StreamingTests {
  /// One token a byte, after a control token.
  private static func byteTokenizer() throws -> Tokenizer {
    let names = (0..<256).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return "<0x" + (digits.count == 1 ? "0" : "") + digits + ">"
    }
    var definition = TokenizerDefinition(model: .sentencePiece, tokens: ByteStrings(texts: names + ["<s>"]))
    definition.tokenTypes = [Int32](repeating: 6, count: 256) + [3]
    return try Tokenizer(definition)
  }

  private static func stream(_ bytes: [UInt8]) throws -> [String] {
    var detokenizer = StreamingDetokenizer(try byteTokenizer())
    return try bytes.map { try detokenizer.append(Int($0)) } + [detokenizer.finish()]
  }

  @Test("a character comes out with its last byte")
  func wholeCharacters() throws {
    #expect(try Self.stream(Array("aé€😀".utf8)) == ["a", "", "é", "", "", "€", "", "", "", "😀", ""])
  }

  @Test("bytes that cannot become a character are replaced as soon as that is known")
  func invalid() throws {
    #expect(try Self.stream([0xFF, 0x61]) == ["\u{FFFD}", "a", ""])
    #expect(try Self.stream([0xE2, 0x82, 0x61]) == ["", "", "\u{FFFD}a", ""])
    #expect(try Self.stream([0xED, 0xA0, 0x80]) == ["", "\u{FFFD}\u{FFFD}", "\u{FFFD}", ""])
    #expect(try Self.stream([0xC0, 0x80]) == ["\u{FFFD}", "\u{FFFD}", ""])
    #expect(try Self.stream([0xF4, 0x90]) == ["", "\u{FFFD}\u{FFFD}", ""])
  }

  @Test("what is never completed comes out at the end")
  func unfinished() throws {
    #expect(try Self.stream([0x61, 0xF0, 0x9F, 0x98]) == ["a", "", "", "", "\u{FFFD}"])
  }

  @Test("the pieces add up to the decoded whole, whatever the bytes")
  func sum() throws {
    var generator = RepeatableGenerator(state: 2)
    let interesting: [UInt8] = [0x41, 0x80, 0xBF, 0xC3, 0xE0, 0xE2, 0xED, 0x9F, 0xA0, 0xF0, 0x90, 0xF4, 0x8F, 0xFF]
    for _ in 0..<500 {
      let bytes = (0..<12).map { _ in interesting.randomElement(using: &generator) ?? 0 }
      #expect(try Self.stream(bytes).joined() == String(decoding: bytes, as: UTF8.self), "\(bytes)")
    }
  }

  @Test("control tokens give no text, and ids outside the vocabulary are refused")
  func control() throws {
    var detokenizer = StreamingDetokenizer(try Self.byteTokenizer())
    #expect(try detokenizer.append(256) == "")
    #expect(throws: TextError.self) { try detokenizer.append(257) }
    #expect(throws: TextError.self) { try detokenizer.append(-1) }
  }

  @Test("text that is held back is free once no stop string can reach over what follows")
  func interrupted() {
    var matcher = StopStringMatcher(["abc"])
    #expect(matcher.append("xab") == ("x", false))
    #expect(matcher.finish() == "ab")
    #expect(matcher.append("c") == ("c", false))
    #expect(matcher.append("zabcd") == ("z", true))
    #expect(matcher.finish() == "")
  }

  @Test("a stop string is found across pieces and is not passed on")
  func acrossPieces() {
    var matcher = StopStringMatcher(["<end>"])
    #expect(matcher.append("Hello <e") == ("Hello ", false))
    #expect(matcher.append("n") == ("", false))
    #expect(matcher.append("d> more") == ("", true))
    #expect(matcher.append("text") == ("", true))
    #expect(matcher.finish() == "")
  }

  @Test("what turns out to be no stop string is passed on")
  func falseAlarm() {
    var matcher = StopStringMatcher(["aab", "\n\n"])
    #expect(matcher.append("xaa") == ("x", false))
    #expect(matcher.append("a") == ("a", false))
    #expect(matcher.append("c\n") == ("aac", false))
    #expect(matcher.finish() == "\n")
  }

  @Test("the string that is complete first wins, and the longest of those")
  func first() {
    var matcher = StopStringMatcher(["abcd", "bc", "abc"])
    #expect(matcher.append("xabcd") == ("x", true))
  }

  @Test("without stop strings all text passes at once")
  func none() {
    var matcher = StopStringMatcher(["", ""])
    #expect(matcher.append("any") == ("any", false))
    #expect(matcher.finish() == "")
  }

  @Test("however the text is cut, the result is the same and the same as a search gives")
  func cuts() {
    var generator = RepeatableGenerator(state: 4)
    let letters = ["a", "b", "é", "😀"]
    func random(_ count: ClosedRange<Int>) -> String {
      (0..<Int.random(in: count, using: &generator)).map { _ in letters.randomElement(using: &generator) ?? "" }
        .joined()
    }
    for _ in 0..<2_000 {
      let stops = (0..<Int.random(in: 1...3, using: &generator)).map { _ in random(1...4) }
      let pieces = (0..<Int.random(in: 0...6, using: &generator)).map { _ in random(0...4) }
      let text = Array(pieces.joined().utf8)
      // By plain search: the shortest beginning of the text that ends with a stop string.
      let end = (0...text.count).first { end in
        stops.contains { text[..<end].reversed().starts(with: $0.utf8.reversed()) }
      }
      let longest = end.map { end in
        stops.filter { text[..<end].reversed().starts(with: $0.utf8.reversed()) }.map(\.utf8.count).max() ?? 0
      }
      let expected = text.prefix((end ?? text.count) - (longest ?? 0))
      var matcher = StopStringMatcher(stops)
      var result = ""
      for piece in pieces { result += matcher.append(piece).text }
      result += matcher.finish()
      #expect(Array(result.utf8) == Array(expected), "\(stops) in \(pieces)")
      #expect(matcher.isStopped == (end != nil))
    }
  }
}
