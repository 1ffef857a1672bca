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
