/// The scalars in groups that a pattern tells apart: all of a group are in the same of its sets.
struct ScalarClasses: Sendable {
  /// The group that stands for the edge of the text.
  static let edge = 0

  /// For each of 0x1100 blocks of 256 scalars where its groups begin in `groups`.
  private var blocks: [UInt32] = []
  private var groups: [UInt8] = []
  /// One scalar of each group; of the edge none is looked at.
  private(set) var samples: [UInt32] = [0]

  /// How many groups there are, with the edge.
  var count: Int { samples.count }

  init(of sets: [ScalarSet]) throws(PatternError) {
    var bounds: Set<UInt32> = [0]
    for range in sets.flatMap(\.ranges) {
      bounds.insert(range.lowerBound)
      if range.upperBound < ScalarSet.last { bounds.insert(range.upperBound + 1) }
    }
    let starts = bounds.sorted()
    var known: [[Bool]: UInt8] = [:]
    var groupOfStart: [UInt8] = []
    // Each set's ranges are walked through once, beside the bounds.
    var cursors = [Int](repeating: 0, count: sets.count)
    for start in starts {
      let signature = sets.indices.map { index in
        let ranges = sets[index].ranges
        while cursors[index] < ranges.count, ranges[cursors[index]].upperBound < start { cursors[index] += 1 }
        return cursors[index] < ranges.count && ranges[cursors[index]].contains(start)
      }
      if let group = known[signature] {
        groupOfStart.append(group)
        continue
      }
      guard samples.count < 255 else { throw PatternError(problem: "it tells more than 254 kinds of characters apart") }
      let group = UInt8(truncatingIfNeeded: samples.count)
      known[signature] = group
      samples.append(start)
      groupOfStart.append(group)
    }
    fill(starts, groupOfStart)
  }

  private mutating func fill(_ starts: [UInt32], _ groupOfStart: [UInt8]) {
    var uniform: [UInt8: UInt32] = [:]
    var position = 0
    for block in 0..<UInt32(0x1100) {
      let (first, end) = (block << 8, block << 8 + 256)
      while position + 1 < starts.count, starts[position + 1] <= first { position += 1 }
      if position + 1 == starts.count || starts[position + 1] >= end {
        let group = groupOfStart[position]
        if let offset = uniform[group] {
          blocks.append(offset)
          continue
        }
        uniform[group] = UInt32(truncatingIfNeeded: groups.count)
      }
      blocks.append(UInt32(truncatingIfNeeded: groups.count))
      for value in first..<end {
        if position + 1 < starts.count, starts[position + 1] == value { position += 1 }
        groups.append(groupOfStart[position])
      }
    }
  }

  /// The group of a scalar up to 0x10FFFF.
  @inline(__always)
  subscript(value: UInt32) -> Int {
    Int(groups[Int(blocks[Int(value >> 8)]) + Int(value & 0xFF)])
  }
}
