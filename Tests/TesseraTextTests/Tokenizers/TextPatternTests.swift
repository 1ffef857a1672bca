import TestSupport
import Testing

@testable import TesseraText

@Suite("Patterns")
struct TextPatternTests {
  private static func matches(_ pattern: String, _ text: String) throws -> [String] {
    var found: [String] = []
    let compiled = try TextPattern(pattern)
    var steps = TextPattern.stepLimit(bytes: text.utf8.count)
    Array(text.utf8).withUnsafeBufferPointer { bytes in
      _ = compiled.search(bytes, 0..<bytes.count, steps: &steps) {
        found.append(String(decoding: bytes[$0..<$1], as: UTF8.self))
      }
    }
    return found
  }

  @Test("the first alternative that matches wins, not the longest")
  func preference() throws {
    #expect(try Self.matches("a|ab", "ab") == ["a"])
    #expect(try Self.matches("(?:a|ab)(?:c|bcd)", "abcd") == ["abcd"])
    #expect(try Self.matches("a+?", "aaa") == ["a", "a", "a"])
    #expect(try Self.matches("a*?b", "aab") == ["aab"])
  }

  @Test("possessive quantifiers give nothing back")
  func possessive() throws {
    #expect(try Self.matches("a++a", "aaa") == [])
    #expect(try Self.matches("a?+ab", "ab aab") == ["aab"])
    #expect(try Self.matches("(?>a*)b", "aab") == ["aab"])
  }

  @Test("conditions look at one neighbor and at the edges")
  func conditions() throws {
    #expect(try Self.matches(#"\s+(?!\S)"#, "a   b  ") == ["  ", "  "])
    #expect(try Self.matches(#"(?<=a)b|(?<!a)c"#, "abacc") == ["b", "c"])
    #expect(try Self.matches(#"^a|b$"#, "ab\nab") == ["a", "b", "a", "b"])
    #expect(try Self.matches(#"\bfoo\b"#, "foo foobar foo") == ["foo", "foo"])
  }

  @Test(
    "what cannot be matched is refused by its name",
    arguments: [
      ("(?=ab)c", "single character"), ("(?<name>a)", "(?<n"), (#"(a)\1"#, #"\1"#), ("(?>ab|a)c", "atomic"),
      ("(?:ab)++", "possessive"), (#"\p{Klingon}"#, "Klingon"), (#"\X"#, #"\X"#), ("(a", "no ')'"), ("a)", "no '('"),
      ("[a", "no ']'"), ("*a", "nothing before it"), ("[z-a]", "range"), ("a{5,2}", "below"), ("a{99999}", "1000"),
      ("((((a{1000}){1000}){1000}){1000})", "steps"), (#"\"#, "backslash"), ("(?x)a", "(?x"), ("[[:what:]]", "[:…:]"),
      ("(?i)straße", "ß"),
    ])
  func refused(pattern: String, name: String) throws {
    let error = try #require(throws: TextError.self) { try TextPattern(pattern) }
    #expect(error.code == .unsupportedPattern)
    #expect(error.message.contains(name), "\(error.message)")
  }

  @Test(
    "patterns that would take long to prepare are refused or ready soon",
    arguments: ["((((){1000}){1000}){1000}){1000}a", "(?:(?:a|b|c|d){0,40}e?){0,40}", #"(?:[a-c]?\p{L}?\s*){500}"#])
  func preparing(pattern: String) {
    let start = processorTime()
    _ = try? TextPattern(pattern)
    #expect(processorTime() - start < .seconds(120))
  }

  @Test("texts that are looked for are as long as patterns may be, and tell as many characters apart")
  func literals() throws {
    let letters = (0..<2_000).compactMap { Unicode.Scalar(0x4E00 + $0 as UInt32) }
    for text in [String(repeating: "a", count: 1 << 17), String(String.UnicodeScalarView(letters))] {
      let error = #expect(throws: TextError.self) { try TextPattern(literal: text) }
      #expect(error?.code == .unsupportedPattern)
      #expect(throws: TextError.self) { try TextPattern(text) }
    }
    _ = try TextPattern(literal: String(String.UnicodeScalarView(letters.prefix(250))))
  }

  @Test("deep nesting is refused, not followed to the end of the stack")
  func nesting() throws {
    for text in ["(", "(?:", "[", "(?=", "(?i:"] {
      let pattern = String(repeating: text, count: 10_000)
      #expect(throws: TextError.self) { try TextPattern(pattern) }
    }
  }

  @Test(
    "patterns that make other engines hang end in time, with an answer or an error",
    arguments: [#"(a*)*b"#, #"(a|a)*b"#, #"(a|aa)+$"#, #"a*a*a*a*b"#, #"(?:a?){50}a{50}"#, #"\s*b|a*c"#])
  func evil(pattern: String) throws {
    let start = processorTime()
    var pieces = TextPieces([UInt8](repeating: 0x61, count: 20_000), beginsText: true)
    do throws(TextError) {
      try pieces.split(try TextPattern(pattern), .isolated, isInverted: false)
      #expect(pieces.ends.last == 20_000)
    } catch {
      #expect(error.code == .unsupportedPattern)
    }
    // Backtracking takes longer than the universe is old; the limit leaves room for debug builds.
    #expect(processorTime() - start < .seconds(120))
  }

  @Test("every pre-tokenizer of GGUF files compiles and keeps the text")
  func named() throws {
    let text = "Hello, wörld! 12345 don't 日本語 <sentinel:12> \n\n  x 가나 สวัสดี 1234567 İ\t(1,000.5)"
    let error = try #require(throws: TextError.self) { try NamedPreTokenizer.named("none") }
    let names = error.message.split(separator: "known are: ")[1].split(separator: ", ").map(String.init)
    #expect(names.count > 80)
    for name in names {
      var pieces = TextPieces(Array(text.utf8), beginsText: true)
      var limit = GrowthLimit()
      for step in try NamedPreTokenizer.named(name).preTokenizers() {
        if case .byteLevel = step { continue }
        try step.apply(&pieces, &limit)
      }
      #expect(pieces.strings.joined() == text && pieces.ends.count > 1, "\(name)")
    }
  }
}
