extension GrammarNode {
  /// The texts that a regular expression matches from their beginning to their end.
  ///
  /// - Parameter isSearch: all texts in which it matches somewhere, as a JSON schema's `pattern` is meant.
  /// - Throws: `GrammarError` for an edge of the text in the midst of it.
  func withoutEdges(isSearch: Bool) throws(GrammarError) -> GrammarNode {
    let side = isSearch ? Side.free : .fixed
    return try withoutEdges(side, side)
  }

  /// What stands beside a part.
  private enum Side {
    /// Other parts.
    case inner
    /// The edge of the text.
    case fixed
    /// Any text.
    case free
  }

  private static let anyText = repeated(.scalars(.all), 0, nil)

  private func withoutEdges(_ before: Side, _ after: Side) throws(GrammarError) -> GrammarNode {
    switch self {
    case .choice(let options):
      var new: [GrammarNode] = []
      for option in options { new.append(try option.withoutEdges(before, after)) }
      return .choice(new)
    case .sequence, .edge:
      var parts = [self][...]
      if case .sequence(let all) = self { parts = all[...] }
      var (before, after) = (before, after)
      if parts.first == .edge(isStart: true), before != .inner { before = .fixed }
      if parts.last == .edge(isStart: false), after != .inner { after = .fixed }
      if before == .fixed { parts = parts.drop { $0 == .edge(isStart: true) } }
      while after == .fixed, parts.last == .edge(isStart: false) { parts.removeLast() }
      guard let first = parts.first, let last = parts.last else {
        return try GrammarNode.empty.withoutEdges(before, after)
      }
      if parts.count == 1 {
        if case .edge = first { throw Self.edgeWithin }
        return try first.withoutEdges(before, after)
      }
      var new = [try first.withoutEdges(before, .inner)]
      for part in parts.dropFirst().dropLast() { new.append(try part.withoutEdges(.inner, .inner)) }
      new.append(try last.withoutEdges(.inner, after))
      return .sequence(new)
    default:
      if case .repeated(let body, _) = self, body.hasEdge { throw Self.edgeWithin }
      if before != .free, after != .free { return self }
      return .sequence((before == .free ? [Self.anyText] : []) + [self] + (after == .free ? [Self.anyText] : []))
    }
  }

  private var hasEdge: Bool {
    switch self {
    case .edge: true
    case .sequence(let parts), .choice(let parts): parts.contains(where: \.hasEdge)
    case .repeated(let body, _): body.hasEdge
    default: false
    }
  }

  private static let edgeWithin = GrammarError(
    .unsupported, "the regular expression has '^' or '$' in the midst of it, or repeats it: put them at its ends")

  /// This part as it is written within a JSON string.
  var withinJSON: GrammarNode {
    switch self {
    case .scalars(let set): .jsonScalars(set)
    case .sequence(let parts): .sequence(parts.map(\.withinJSON))
    case .choice(let options): .choice(options.map(\.withinJSON))
    case .repeated(let body, let count): .repeated(body.withinJSON, count)
    default: self
    }
  }

  /// The fewest and the most characters of its texts, for the parts that regular expressions have; nil: no limit.
  var lengths: (least: Int, most: Int?) {
    switch self {
    case .scalars, .jsonScalars: return (1, 1)
    case .sequence(let parts):
      return parts.map(\.lengths).reduce((0, 0)) { sum, part in
        (Self.sum(sum.0, part.0), sum.1.flatMap { a in part.1.map { Self.sum(a, $0) } })
      }
    case .choice(let options):
      let all = options.map(\.lengths)
      let least = all.map(\.least).min() ?? 0
      return (least, all.contains { $0.most == nil } ? nil : all.compactMap(\.most).max() ?? 0)
    case .repeated(let body, let count):
      let (least, most) = body.lengths
      return (
        Self.product(least, count.least), most == 0 ? 0 : most.flatMap { a in count.most.map { Self.product(a, $0) } }
      )
    default: return (0, 0)
    }
  }

  private static let longest = 1 << 40
  private static func sum(_ a: Int, _ b: Int) -> Int { min(longest, a + b) }
  private static func product(_ a: Int, _ b: Int) -> Int {
    let (product, isOver) = a.multipliedReportingOverflow(by: b)
    return isOver ? longest : min(longest, product)
  }
}
