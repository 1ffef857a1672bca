/// A regular expression as a tree.
indirect enum PatternNode: Equatable, Sendable {
  /// The empty text.
  case empty
  /// One scalar of a set.
  case set(ScalarSet)
  case sequence([PatternNode])
  /// The first alternative that leads to a match.
  case alternatives([PatternNode])
  case repeated(PatternNode, minimum: Int, maximum: Int?, isLazy: Bool)
  /// A condition on the scalar before or after, which is not taken.
  case condition(PatternCondition)
}

/// A condition on one neighboring scalar.
struct PatternCondition: Equatable, Sendable {
  /// Whether it is about the scalar before, not the one after.
  var looksBehind: Bool
  /// Scalars that fulfill it.
  var scalars: ScalarSet
  /// Whether the edge of the text will do instead.
  var allowsEdge: Bool

  var negated: PatternCondition {
    PatternCondition(looksBehind: looksBehind, scalars: scalars.complement, allowsEdge: !allowsEdge)
  }
}

/// Why a pattern was refused.
struct PatternError: Error, Equatable {
  /// The part that is not supported or wrong, and what it is.
  let problem: String
}

extension PatternNode {
  /// The set of scalars where this always takes exactly one; else nil.
  var singleScalars: ScalarSet? {
    switch self {
    case .set(let set): set
    case .sequence(let parts) where parts.count == 1: parts[0].singleScalars
    case .alternatives(let options):
      options.reduce(ScalarSet()) { union, option in
        guard let union, let set = option.singleScalars else { return nil }
        return union.union(set)
      }
    default: nil
    }
  }
}
