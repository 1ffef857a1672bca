// Cuts that count characters.
extension TextPieces {
  /// Cuts each piece after every `length` characters.
  mutating func cut(every length: Int) {
    recut { text, start, end, cut in
      var position = start
      var count = 0
      while position < end {
        position += UTF8Scan.scalar(text, position, end).length
        count += 1
        if count % length == 0, position < end { cut(position) }
      }
    }
  }

  /// Cuts each run of decimal digits into groups of three from the right: `12|345|678`.
  mutating func groupDigits(atWordEnds: Bool) {
    let (digits, word) = (Self.decimalDigits, Self.wordScalars)
    recut { text, start, end, cut in
      var position = start
      var run: [Int] = []
      func close(before value: UInt32?) {
        defer { run.removeAll(keepingCapacity: true) }
        if atWordEnds, let value, word.contains(value) { return }
        for (index, place) in run.enumerated() where place > start {
          if (run.count - index) % 3 == 0 || atWordEnds && index == 0 { cut(place) }
        }
        if atWordEnds, !run.isEmpty, position > start, position < end { cut(position) }
      }
      while position < end {
        let (value, length) = UTF8Scan.scalar(text, position, end)
        if digits.contains(value) { run.append(position) } else { close(before: value) }
        position += length
      }
      close(before: nil)
    }
  }

  private static let wordScalars = UnicodeTable.version16.wordScalars
  private static let decimalDigits = UnicodeTable.version16.digits

  /// Cuts each piece at the places that `find` names, in order and within the piece.
  private mutating func recut(
    _ find: (_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ cut: (Int) -> Void) -> Void
  ) {
    var newEnds: [Int] = []
    bytes.withUnsafeBufferPointer { text in
      var start = 0
      for end in ends {
        find(text, start, end) { newEnds.append($0) }
        newEnds.append(end)
        start = end
      }
    }
    ends = newEnds
  }
}
