/// The unigram language model (Kudo, https://arxiv.org/abs/1804.10959): of all ways to cut a text into tokens the one
/// whose scores add up to the most.
struct UnigramEncoder: Sendable {
  /// How much worse than the worst token an unknown character is.
  private static let unknownPenalty = 10.0

  private let trie: ByteTrie
  /// One score a token.
  private let scores: [Double]
  private let unknownScore: Double
  private let unknownToken: Int?
  /// The tokens `<0x00>` to `<0xFF>` that unknown characters become, or none.
  private let byteTokens: [Int32]
  /// Whether sums are rounded to float32, as SentencePiece's own are.
  private let isSingle: Bool

  /// - Parameters:
  ///   - trie: the tokens that may be taken.
  ///   - scores: one for each id, none of which is NaN.
  ///   - worst: the lowest score of a token.
  ///   - byteTokens: `<0x00>` to `<0xFF>` where unknown characters become bytes; else empty.
  ///   - isSingle: rounds sums to float32.
  init(
    trie: ByteTrie, scores: [Double], worst: Double, unknownToken: Int?, byteTokens: [Int32], isSingle: Bool = false
  ) {
    self.trie = trie
    self.scores = scores
    self.isSingle = isSingle
    unknownScore = Self.rounded(worst - Self.unknownPenalty, isSingle)
    self.unknownToken = unknownToken
    self.byteTokens = byteTokens
  }

  /// The best way to each place of a text.
  struct Lattice {
    fileprivate var score: [Double] = []
    fileprivate var start: [Int32] = []
    fileprivate var token: [Int32] = []

    fileprivate mutating func reset(_ count: Int) {
      score.removeAll(keepingCapacity: true)
      score.append(contentsOf: repeatElement(-.infinity, count: count + 1))
      start.removeAll(keepingCapacity: true)
      start.append(contentsOf: repeatElement(-1, count: count + 1))
      token.removeAll(keepingCapacity: true)
      token.append(contentsOf: repeatElement(-1, count: count + 1))
      score[0] = 0
    }

    @inline(__always)
    fileprivate mutating func offer(_ end: Int, _ candidate: Double, from begin: Int, _ id: Int32, isSingle: Bool) {
      let candidate = UnigramEncoder.rounded(candidate, isSingle)
      guard start[end] < 0 || candidate > score[end] else { return }
      score[end] = candidate
      start[end] = Int32(truncatingIfNeeded: begin)
      token[end] = id
    }
  }

  /// Adds the tokens of a text of at most `Int32.max` bytes.
  /// - Throws: `TextError` `.missingByteToken` if a character has no token and there is none for unknown ones.
  func encode(
    _ text: UnsafeBufferPointer<UInt8>, _ lattice: inout Lattice, into output: inout [Int]
  ) throws(TextError) {
    let first = output.count
    try cut(text, &lattice) { start, end, id throws(TextError) in
      if id >= 0 { output.append(id) } else { try appendUnknown(text[start..<end], &output) }
    }
    output[first...].reverse()
  }

  @inline(__always)
  fileprivate static func rounded(_ sum: Double, _ isSingle: Bool) -> Double { isSingle ? Double(Float(sum)) : sum }

  /// Gives where each token of the best way begins and ends, and its id, from the last to the first; -1 for unknown
  /// characters in a row.
  @inline(__always)
  func cut<Failure>(
    _ text: UnsafeBufferPointer<UInt8>, _ lattice: inout Lattice,
    _ take: (_ start: Int, _ end: Int, _ id: Int) throws(Failure) -> Void
  ) throws(Failure) {
    if text.isEmpty { return }
    lattice.reset(text.count)
    var position = 0
    while position < text.count {
      let length = min(UTF8Scan.length(text[position]), text.count - position)
      let base = lattice.score[position]
      var node = ByteTrie.root
      var end = position
      var isSingleKnown = false
      while end < text.count {
        node = trie.child(node, text[end])
        if node == 0 { break }
        end += 1
        let id = trie.values[node]
        if id < 0 { continue }
        lattice.offer(end, base + scores[Int(id)], from: position, id, isSingle: isSingle)
        if end - position == length { isSingleKnown = true }
      }
      if !isSingleKnown {
        lattice.offer(position + length, base + unknownScore, from: position, -1, isSingle: isSingle)
      }
      position += length
    }
    var end = text.count
    while end > 0 {
      var start = Int(lattice.start[end])
      let id = Int(lattice.token[end])
      guard id < 0 || id == unknownToken else {
        try take(start, end, id)
        end = start
        continue
      }
      while start > 0, case let before = Int(lattice.token[start]), before < 0 || before == unknownToken {
        start = Int(lattice.start[start])
      }
      try take(start, end, -1)
      end = start
    }
  }

  /// Adds what stands for unknown characters, last first.
  private func appendUnknown(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ output: inout [Int]) throws(TextError) {
    if let known = knownToken(bytes) {
      output.append(known)
    } else if !byteTokens.isEmpty, bytes.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
      for byte in bytes.reversed() { output.append(Int(byteTokens[Int(byte)])) }
    } else if let unknownToken {
      output.append(unknownToken)
    } else {
      throw TextError.unknownCharacter(bytes)
    }
  }

  /// The token that is just these characters, which may exist though no way led through it.
  private func knownToken(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    let node = trie.node(after: bytes)
    return node != 0 && trie.values[node] >= 0 ? Int(trie.values[node]) : nil
  }
}
