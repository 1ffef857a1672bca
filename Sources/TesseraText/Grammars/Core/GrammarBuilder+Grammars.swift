extension GrammarBuilder {
  /// Adds all of a grammar, and gives the rule that its texts are.
  mutating func add(_ grammar: Grammar) throws(GrammarError) -> Int {
    let base = nodes.count
    for node in grammar.nodes { try add(end: node.isEnd, loop: node.isLoop) }
    for (index, node) in grammar.nodes.enumerated() {
      for edge in grammar.reading[Int(node.reading.lowerBound)..<Int(node.reading.upperBound)] {
        var set = ByteSet()
        for byte in UInt8.min...UInt8.max where edge.contains(Int(grammar.classes[Int(byte)])) { set.insert(byte) }
        try add(.bytes(set, to: base + Int(edge.next)), from: base + index)
      }
      for edge in grammar.others[Int(node.others.lowerBound)..<Int(node.others.upperBound)] {
        let copy: Edge =
          switch edge {
          case .empty(let next): .empty(to: base + Int(next))
          case .round(let next): .round(to: base + Int(next))
          case .call(let rule, let least, let most, let next):
            .call(
              rule: base + Int(rule),
              count: Count(least: Int(least), most: most == Grammar.endless ? nil : Int(most)), to: base + Int(next))
          }
        try add(copy, from: base + index)
      }
    }
    return base + Int(grammar.start)
  }
}
