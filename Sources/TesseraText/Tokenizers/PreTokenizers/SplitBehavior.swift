/// The fate of the matches at which text is cut.
enum SplitBehavior: String, Sendable, CaseIterable {
  /// They are left out.
  case removed = "Removed"
  /// They are pieces of their own.
  case isolated = "Isolated"
  /// They end the piece before them.
  case mergedWithPrevious = "MergedWithPrevious"
  /// They begin the piece after them.
  case mergedWithNext = "MergedWithNext"
  /// Neighboring ones are one piece.
  case contiguous = "Contiguous"
}

extension TextPieces {
  private struct Segment {
    var start: Int
    var end: Int
    var isMatch: Bool
  }

  /// Cuts each piece at the matches of a pattern; `isInverted` takes what lies between them for the matches.
  mutating func split(
    _ pattern: TextPattern, _ behavior: SplitBehavior, isInverted: Bool
  ) throws(TextError) {
    var steps = TextPattern.stepLimit(bytes: bytes.count)
    var isComplete = true
    if behavior == .isolated {
      isComplete = isolate(pattern, &steps)
    } else {
      var segments: [Segment] = []
      var kept: [Segment] = []
      bytes.withUnsafeBufferPointer { text in
        var start = 0
        for end in ends {
          segments.removeAll(keepingCapacity: true)
          var last = start
          let isDone = pattern.search(text, start..<end, steps: &steps) { matchStart, matchEnd in
            if matchStart > last { segments.append(Segment(start: last, end: matchStart, isMatch: isInverted)) }
            segments.append(Segment(start: matchStart, end: matchEnd, isMatch: !isInverted))
            last = matchEnd
          }
          if !isDone { isComplete = false }
          if last < end { segments.append(Segment(start: last, end: end, isMatch: isInverted)) }
          Self.join(segments, behavior, into: &kept)
          start = end
        }
      }
      keep(kept)
    }
    guard isComplete else {
      throw TextError(
        .unsupportedPattern,
        "the pattern \(TextError.quoted(Array(pattern.description.utf8))) takes too many steps on this text; change it "
          + "to one that does not look at long texts again and again")
    }
  }

  /// Cuts before and after each match.
  private mutating func isolate(_ pattern: TextPattern, _ steps: inout Int) -> Bool {
    var newEnds: [Int] = []
    newEnds.reserveCapacity(max(ends.count, bytes.count / 4))
    let isComplete = bytes.withUnsafeBufferPointer { text in
      var start = 0
      for end in ends {
        var last = start
        let isDone = pattern.search(text, start..<end, steps: &steps) { matchStart, matchEnd in
          if matchStart > last { newEnds.append(matchStart) }
          if matchEnd > matchStart { newEnds.append(matchEnd) }
          last = matchEnd
        }
        if !isDone { return false }
        if last < end { newEnds.append(end) }
        start = end
      }
      return true
    }
    ends = newEnds
    return isComplete
  }

  private static func join(_ segments: [Segment], _ behavior: SplitBehavior, into kept: inout [Segment]) {
    let first = kept.count
    var isAfterMatch = false
    switch behavior {
    case .isolated: kept += segments
    case .removed: kept += segments.filter { !$0.isMatch }
    case .contiguous:
      for segment in segments {
        if kept.count > first, kept[kept.count - 1].isMatch == segment.isMatch {
          kept[kept.count - 1].end = segment.end
        } else {
          kept.append(segment)
        }
      }
    case .mergedWithPrevious:
      for segment in segments {
        if segment.isMatch, !isAfterMatch, kept.count > first {
          kept[kept.count - 1].end = segment.end
        } else {
          kept.append(segment)
        }
        isAfterMatch = segment.isMatch
      }
    case .mergedWithNext:
      for segment in segments.reversed() {
        if segment.isMatch, !isAfterMatch, kept.count > first {
          kept[kept.count - 1].start = segment.start
        } else {
          kept.append(segment)
        }
        isAfterMatch = segment.isMatch
      }
      kept[first...].reverse()
    }
  }

  /// Leaves only these parts, in order.
  private mutating func keep(_ parts: [Segment]) {
    var newEnds: [Int] = []
    newEnds.reserveCapacity(parts.count)
    let parts = parts.filter { $0.end > $0.start }
    if let first = parts.first, first.start > 0 { beginsText = false }
    if parts.reduce(0, { $0 + $1.end - $1.start }) == bytes.count {
      ends = parts.map(\.end)
      return
    }
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    for part in parts {
      output += bytes[part.start..<part.end]
      newEnds.append(output.count)
    }
    bytes = output
    ends = newEnds
  }
}
