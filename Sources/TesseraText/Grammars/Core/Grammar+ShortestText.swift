extension Grammar {
  /// One of the shortest texts, as bytes.
  ///
  /// - Throws: `GrammarError` `.tooComplex` for one of more than 64 KiB.
  package func shortestText() throws(GrammarError) -> [UInt8] {
    var ways = ShortestWays(self)
    guard ways.lengths[Int(start)] <= 1 << 16 else {
      throw GrammarError(.tooComplex, "the shortest text of the grammar has more than 64 KiB")
    }
    ways.append(from: start)
    return ways.text
  }
}

/// From each node of a grammar the shortest way to the end of its rule.
private struct ShortestWays {
  private static let endless = Int.max / 4

  private let grammar: Grammar
  private(set) var lengths: [Int]
  /// Each leads on to nodes whose way was found before: following them ends.
  private var ways: [Way?]
  private(set) var text: [UInt8] = []

  private enum Way {
    case byte(Grammar.Reading)
    case other(Grammar.Other)
  }

  init(_ grammar: Grammar) {
    self.grammar = grammar
    lengths = grammar.nodes.map { $0.isEnd ? 0 : Self.endless }
    ways = [Way?](repeating: nil, count: grammar.nodes.count)
    var isChanged = true
    while isChanged {
      isChanged = false
      // What leads on mostly comes behind.
      for index in grammar.nodes.indices.reversed() where lengths[index] > 0 {
        if improve(index) { isChanged = true }
      }
    }
  }

  private mutating func improve(_ index: Int) -> Bool {
    let (node, old) = (grammar.nodes[index], lengths[index])
    for reading in grammar.reading[Int(node.reading.lowerBound)..<Int(node.reading.upperBound)] {
      let length = 1 + lengths[Int(reading.next)]
      if length < lengths[index] { (lengths[index], ways[index]) = (length, .byte(reading)) }
    }
    for other in grammar.others[Int(node.others.lowerBound)..<Int(node.others.upperBound)] {
      let length = length(of: other)
      if length < lengths[index] { (lengths[index], ways[index]) = (length, .other(other)) }
    }
    return lengths[index] < old
  }

  private func length(of other: Grammar.Other) -> Int {
    switch other {
    case .empty(let next), .round(let next): return lengths[Int(next)]
    case .call(let rule, let least, _, let next):
      guard grammar.nodes[Int(rule)].isLoop else { return lengths[Int(rule)] + lengths[Int(next)] }
      let round = least == 0 ? 0 : self.round(of: rule).map { lengths[Int($0)] } ?? Self.endless
      let (rounds, isOver) = round.multipliedReportingOverflow(by: Int(least))
      return isOver ? Self.endless : min(Self.endless, rounds + lengths[Int(next)])
    }
  }

  /// The first node of a loop's round.
  private func round(of rule: Int32) -> Int32? {
    let others = grammar.nodes[Int(rule)].others
    for case .round(let next) in grammar.others[Int(others.lowerBound)..<Int(others.upperBound)] { return next }
    return nil
  }

  /// Adds what leads from a node to the end of its rule.
  mutating func append(from start: Int32) {
    var index = Int(start)
    while let way = ways[index] {
      switch way {
      case .byte(let reading):
        let byte = (UInt8.min...UInt8.max).first { reading.contains(Int(grammar.classes[Int($0)])) }
        text.append(byte ?? 0)
        index = Int(reading.next)
      case .other(.empty(let next)), .other(.round(let next)): index = Int(next)
      case .other(.call(let rule, let least, _, let next)):
        if !grammar.nodes[Int(rule)].isLoop {
          append(from: rule)
        } else if least > 0, let round = round(of: rule) {
          for _ in 0..<least { append(from: round) }
        }
        index = Int(next)
      }
    }
  }
}
