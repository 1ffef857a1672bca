/// What texts may be, as bytes: rules that call each other, made ready to be followed byte by byte.
///
/// Immutable and without parts that lead nowhere: whoever has followed it to some place can always go on to an end.
package final class Grammar: Sendable {
  /// The most rules that are open within each other.
  static let depthLimit = 4_096
  /// The depth from which a place cannot be completed.
  static let never = Int32(depthLimit + 1)

  struct Node: Sendable {
    /// Where its edges are among those of all nodes.
    var reading: Range<Int32>
    var others: Range<Int32>
    var isEnd: Bool
    var isLoop: Bool
    /// Whether nothing but the end of its rule is left.
    var isOnlyEnd: Bool { isEnd && !isLoop && reading.isEmpty && others.isEmpty }
    /// Rules that must be opened within each other from here to the end of the rule at least.
    var need: Int32
  }

  /// Reads a byte of some classes.
  struct Reading: Sendable {
    var classes: SIMD4<UInt64>
    var next: Int32

    func contains(_ byteClass: Int) -> Bool { classes[byteClass >> 6] >> UInt64(byteClass & 63) & 1 == 1 }
  }

  /// Goes on without a byte.
  enum Other: Sendable {
    case empty(Int32)
    case call(rule: Int32, least: UInt32, most: UInt32, next: Int32)
    case round(Int32)
  }

  /// As `most`: no limit.
  static let endless = UInt32.max

  let nodes: [Node]
  let reading: [Reading]
  let others: [Other]
  /// The first node of the rule that is the text.
  let start: Int32
  /// Of each byte its class: bytes of a class are alike everywhere.
  let classes: [UInt8]
  let classCount: Int

  /// - Throws: `GrammarError` for left recursion, and where no text at all fulfills it.
  init(_ builder: GrammarBuilder, start: Int) throws(GrammarError) {
    let empties = builder.nullable()
    try builder.refuseLeftRecursion(empties)
    let needs = builder.needs()
    guard needs[start] < Self.never else {
      throw GrammarError(
        .unsatisfiable, "no text fulfills it: every way through it goes on without end, or leads nowhere")
    }
    (classes, classCount) = Self.classes(of: builder)
    var nodes: [Node] = []
    var reading: [Reading] = []
    var others: [Other] = []
    var sets: [ByteSet: SIMD4<UInt64>] = [:]
    for (index, node) in builder.nodes.enumerated() {
      let (firstReading, firstOther) = (Int32(reading.count), Int32(others.count))
      for edge in node.edges {
        switch edge {
        case .bytes(let set, let next):
          guard needs[next] < Self.never else { continue }
          let classes = sets[set] ?? Self.classes(of: set, self.classes)
          sets[set] = classes
          if classes != .zero { reading.append(Reading(classes: classes, next: Int32(next))) }
        case .empty(let next):
          if needs[next] < Self.never { others.append(.empty(Int32(next))) }
        case .round(let next):
          if needs[next] < Self.never { others.append(.round(Int32(next))) }
        case .call(let rule, let count, let next):
          guard needs[next] < Self.never, builder.need(of: rule, count, needs) < Self.never else { continue }
          // Rounds that may be empty need not be gone.
          let least = builder.isEmpty(rule, count, empties) ? 0 : count.least
          others.append(
            .call(
              rule: Int32(rule), least: UInt32(least), most: count.most.map { UInt32($0) } ?? Self.endless,
              next: Int32(next)))
        }
      }
      nodes.append(
        Node(
          reading: firstReading..<Int32(reading.count), others: firstOther..<Int32(others.count), isEnd: node.isEnd,
          isLoop: node.isLoop, need: needs[index]))
    }
    (self.nodes, self.reading, self.others, self.start) = (nodes, reading, others, Int32(start))
  }

  /// Puts bytes together that every set has both or neither of.
  private static func classes(of builder: GrammarBuilder) -> ([UInt8], Int) {
    var seen = Set<ByteSet>()
    var classes = [Int](repeating: 0, count: 256)
    var count = 1
    for case .bytes(let set, _) in builder.nodes.lazy.flatMap(\.edges) where seen.insert(set).inserted {
      // A class of which the set has a part is cut in two.
      var renamed: [Int: Int] = [:]
      let inside = (0..<256).filter { set.contains(UInt8($0)) }
      let outside = Set((0..<256).filter { !set.contains(UInt8($0)) }.map { classes[$0] })
      for byte in inside where outside.contains(classes[byte]) {
        let old = classes[byte]
        if renamed[old] == nil {
          renamed[old] = count
          count += 1
        }
        classes[byte] = renamed[old] ?? old
      }
      if count == 256 { break }
    }
    return (classes.map { UInt8($0) }, count)
  }

  private static func classes(of set: ByteSet, _ classes: [UInt8]) -> SIMD4<UInt64> {
    var words = SIMD4<UInt64>.zero
    for byte in UInt8.min...UInt8.max where set.contains(byte) {
      let number = Int(classes[Int(byte)])
      words[number >> 6] |= 1 << UInt64(number & 63)
    }
    return words
  }
}
