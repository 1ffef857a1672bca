import Testing

@testable import TesseraText

@Suite("Special tokens")
struct SpecialTokenTests {
  private typealias Attributes = SpecialTokens.Attributes

  private static func matcher(_ texts: [String], _ attributes: [Attributes]? = nil) -> SpecialTokenMatcher {
    SpecialTokenMatcher(
      ids: Array(texts.indices), texts: ByteStrings(texts: texts),
      attributes: attributes ?? texts.map { _ in .control })
  }

  private static func split(_ matcher: SpecialTokenMatcher, _ text: String) -> [SpecialTokenMatcher.Part] {
    Array(text.utf8).withUnsafeBufferPointer { matcher.split($0) }
  }

  @Test("the longest token wins over one that starts before it")
  func longestFirst() {
    let matcher = Self.matcher(["abc", "bcde"])
    #expect(Self.split(matcher, "abcde") == [.text(0..<1), .token(1)])
    #expect(Self.split(matcher, "abcd") == [.token(0), .text(3..<4)])
  }

  @Test("a token that loses its place leaves it to a shorter one")
  func shorterInstead() {
    let matcher = Self.matcher(["a", "ab", "bcd"])
    #expect(Self.split(matcher, "abcd") == [.token(0), .token(2)])
  }

  @Test("whitespace beside a token is taken where the token wants it")
  func stripping() {
    let texts = ["<l>", "<r>", "<n>"]
    let matcher = Self.matcher(texts, [[.control, .stripsLeft], [.control, .stripsRight], .control])
    #expect(Self.split(matcher, "a \n<l> b") == [.text(0..<1), .token(0), .text(6..<8)])
    #expect(Self.split(matcher, "a <r> \t b") == [.text(0..<2), .token(1), .text(8..<9)])
    #expect(Self.split(matcher, " <n> ") == [.text(0..<1), .token(2), .text(4..<5)])
    #expect(Self.split(matcher, "<r>  <l>") == [.token(1), .token(0)])
    #expect(Self.split(matcher, "<r>  ") == [.token(1)])
  }

  /// The rule as llama.cpp carries it out: token after token over all parts that are still text.
  private static func plainSplit(_ texts: [[UInt8]], _ attributes: [Attributes], _ text: [UInt8])
    -> [SpecialTokenMatcher.Part]
  {
    func isSpace(_ index: Int) -> Bool { [0x20, 0x09, 0x0A].contains(text[index]) }
    var parts: [SpecialTokenMatcher.Part] = text.isEmpty ? [] : [.text(0..<text.count)]
    let order = texts.indices.sorted { (texts[$0].count, -$0) > (texts[$1].count, -$1) }
    for id in order {
      parts = parts.flatMap { part -> [SpecialTokenMatcher.Part] in
        guard case .text(var rest) = part else { return [part] }
        var result: [SpecialTokenMatcher.Part] = []
        while let start = rest.first(where: { text[$0..<rest.upperBound].starts(with: texts[id]) }) {
          var left = rest.lowerBound..<start
          while attributes[id].contains(.stripsLeft), !left.isEmpty, isSpace(left.upperBound - 1) {
            left = left.dropLast()
          }
          if !left.isEmpty { result.append(.text(left)) }
          result.append(.token(id))
          rest = start + texts[id].count..<rest.upperBound
          while attributes[id].contains(.stripsRight), !rest.isEmpty, isSpace(rest.lowerBound) {
            rest = rest.dropFirst()
          }
        }
        if !rest.isEmpty { result.append(.text(rest)) }
        return result
      }
    }
    return parts
  }

  @Test("the trie and the heap give what a search token by token gives")
  func againstPlainSearch() {
    var generator = RepeatableGenerator(state: 11)
    let letters = Array("ab \n".utf8)
    func random(_ count: ClosedRange<Int>) -> [UInt8] {
      (0..<Int.random(in: count, using: &generator)).map { _ in letters.randomElement(using: &generator) ?? 0x61 }
    }
    for _ in 0..<3_000 {
      let texts = Array(Set((0..<Int.random(in: 1...6, using: &generator)).map { _ in random(1...5) })).sorted {
        $0.lexicographicallyPrecedes($1)
      }
      let attributes = texts.map { _ in
        [Attributes.control, [.control, .stripsLeft], [.control, .stripsRight]].randomElement(using: &generator)
          ?? .control
      }
      let matcher = SpecialTokenMatcher(
        ids: Array(texts.indices), texts: ByteStrings(texts), attributes: attributes)
      let text = random(0...24)
      let parts = text.withUnsafeBufferPointer { matcher.split($0) }
      #expect(parts == Self.plainSplit(texts, attributes, text), "\(texts) in \(text)")
    }
  }

  @Test("the ends of a generation are known by id and by text")
  func endOfGeneration() throws {
    var definition = TokenizerDefinition(
      model: .bytePair,
      tokens: ByteStrings(texts: ["<|im_end|>", "<|endoftext|>", "<stop>", "x", "<end_of_turn>", "<fim_pad>"]))
    definition.tokenTypes = [1, 3, 1, 1, 4, 1]
    definition.eosToken = 2
    let tokenizer = try Tokenizer(definition)
    #expect(tokenizer.endOfGenerationTokens == [0, 1, 2, 4, 5])
    // A marker that the file calls normal is a control token all the same.
    #expect(tokenizer.isControl(0))
    #expect(try tokenizer.encode("x<|im_end|>x") == [3, 0, 3])
  }

  @Test("Harmony's end of a message does not end the answer")
  func harmony() throws {
    var definition = TokenizerDefinition(
      model: .bytePair, tokens: ByteStrings(texts: ["<|end|>", "<|return|>", "<|call|>", "<|message|>"]))
    definition.tokenTypes = [3, 3, 3, 3]
    let tokenizer = try Tokenizer(definition)
    #expect(tokenizer.endOfGenerationTokens == [1, 2])
    #expect(!tokenizer.isControl(0) && !tokenizer.isControl(3))
  }
}
