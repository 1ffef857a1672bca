import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Merging")
struct MergeTests {
  /// The best pair first, the leftmost of equals, until none is left.
  private static func plainMerge(_ word: [Int], _ ranks: [[Int]: (rank: Int, token: Int)]) -> [Int] {
    var word = word
    while true {
      let pairs = word.indices.dropLast().compactMap { index in
        ranks[[word[index], word[index + 1]]].map { (rank: $0.rank, index: index, token: $0.token) }
      }
      guard let best = pairs.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else { return word }
      word.replaceSubrange(best.index...best.index + 1, with: [best.token])
    }
  }

  @Test("the heap merges as a search for the best pair does")
  func againstPlainSearch() throws {
    var generator = RepeatableGenerator(state: 3)
    for _ in 0..<300 {
      var texts = ["a", "b", "c"]
      var merges: [String] = []
      var ranks: [[Int]: (rank: Int, token: Int)] = [:]
      for _ in 0..<Int.random(in: 1...14, using: &generator) {
        let left = Int.random(in: 0..<texts.count, using: &generator)
        let right = Int.random(in: 0..<texts.count, using: &generator)
        let merged = texts[left] + texts[right]
        guard ranks[[left, right]] == nil else { continue }
        let token = texts.firstIndex(of: merged) ?? texts.count
        if token == texts.count { texts.append(merged) }
        ranks[[left, right]] = (merges.count, token)
        merges.append("\(texts[left]) \(texts[right])")
      }
      var definition = TokenizerDefinition(model: .bytePair, tokens: ByteStrings(texts: texts))
      definition.preTokenizer = "gpt-2"
      definition.merges = ByteStrings(texts: merges)
      let tokenizer = try Tokenizer(definition)
      for _ in 0..<10 {
        let word = (0..<Int.random(in: 1...40, using: &generator)).map { _ in Int.random(in: 0..<3, using: &generator) }
        let text = word.map { texts[$0] }.joined()
        #expect(try tokenizer.encode(text) == Self.plainMerge(word, ranks), "\(merges) on \(text)")
      }
    }
  }

  /// A tokenizer of `tokenizer.json` with the tokens of all bytes before the given ones.
  private static func byteFallback(_ tokens: [String], _ options: JSONObject) throws -> Tokenizer {
    var vocabulary = JSONObject()
    for byte in 0..<256 {
      let digits = String(byte, radix: 16, uppercase: true)
      vocabulary["<0x\(byte < 16 ? "0" : "")\(digits)>"] = .int(byte)
    }
    for (index, token) in tokens.enumerated() { vocabulary[token] = .int(256 + index) }
    var model = options
    for (key, value) in ["type": "BPE", "vocab": .object(vocabulary), "byte_fallback": true] as [String: JSONValue] {
      model[key] = value
    }
    return try Tokenizer(
      huggingFace: HuggingFaceTokenizerFiles(tokenizer: ["model": .object(model)], path: "folder"))
  }

  @Test("bytes with marks and ends of words, merges that come twice and a version are taken as the library takes them")
  func library() throws {
    let tokens = ["a", "##a", "##b", "b", "a</w>", "ab", "##bc", "c", "bc", "##c"]
    func ids(_ text: String, _ options: JSONObject) throws -> [Int] {
      var options = options
      if options["merges"] == nil { options["merges"] = [] }
      return try Self.byteFallback(tokens, options).encode(text)
    }
    // tokenizers 0.23
    let prefix: JSONObject = ["continuing_subword_prefix": "##"]
    #expect(try ids("a\u{FC}", prefix) == [256, 0x23, 0x23, 0xC3, 0xBC])
    #expect(try ids("a\u{FC}b", prefix) == [256, 0x23, 0x23, 0xC3, 0xBC, 258])
    #expect(try ids("\u{FC}a", prefix) == [0xC3, 0xBC, 257])
    let suffix: JSONObject = ["end_of_word_suffix": "</w>"]
    #expect(try ids("a\u{FC}", suffix) == [256, 0xC3, 0xBC, 0x3C, 0x2F, 0x77, 0x3E])
    #expect(try ids("\u{FC}a", suffix) == [0xC3, 0xBC, 260])
    #expect(try ids("abc", ["merges": ["a b", "b c"]]) == [261, 263])
    #expect(try ids("abc", ["merges": ["a b", "b c", "a b"]]) == [256, 264])
    #expect(try ids("abc", ["merges": [["a", "b"], ["b", "c"], ["a", "b"]]]) == [256, 264])
    #expect(try ids("abc", ["merges": ["#version: 0.2", "a b", "b c"]]) == [261, 263])
    // llama.cpp takes the first.
    var definition = TokenizerDefinition(model: .bytePair, tokens: ByteStrings(texts: ["a", "b", "c", "ab", "bc"]))
    definition.merges = ByteStrings(texts: ["a b", "b c", "a b"])
    #expect(try Tokenizer(definition).encode("abc") == [3, 2])
  }

  @Test("queue entries come out in order")
  func queueOrder() {
    var generator = RepeatableGenerator(state: 8)
    var queue = MergeQueue()
    let keys = (0..<1_000).map { _ in UInt64.random(in: 0...500, using: &generator) }
    for key in keys { queue.push(MergeQueue.Entry(key: key, right: 0, size: 0, token: 0)) }
    var popped: [UInt64] = []
    while let entry = queue.pop() { popped.append(entry.key) }
    #expect(popped == keys.sorted())
  }

  @Test("byte strings are found again, and others are not")
  func table() {
    var generator = RepeatableGenerator(state: 21)
    let strings = Array(
      Set(
        (0..<2_000).map { _ in
          (0..<Int.random(in: 1...20, using: &generator)).map { _ in UInt8.random(in: 0...3, using: &generator) }
        }))
    let half = strings.count / 2
    var table = ByteStringTable(over: ByteStrings(strings))
    for id in 0..<half { #expect(table.insert(id) == nil) }
    #expect(table.insert(0) == 0)
    for (id, string) in strings.enumerated() { #expect(table.id(of: string) == (id < half ? id : nil)) }
  }
}
