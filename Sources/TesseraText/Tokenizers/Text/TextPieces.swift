/// Text cut into pieces that lie side by side.
struct TextPieces {
  /// The text in UTF-8.
  var bytes: [UInt8]
  /// Where each piece ends; the first begins at 0. No piece is empty.
  var ends: [Int]
  /// Whether the first piece begins where the whole text does.
  var beginsText: Bool

  /// One piece, unless there are no bytes.
  init(_ bytes: [UInt8], beginsText: Bool) {
    self.bytes = bytes
    ends = bytes.isEmpty ? [] : [bytes.count]
    self.beginsText = beginsText
  }

  /// Replaces each piece by what `change` writes for it, which may be nothing.
  mutating func rewrite(
    _ limit: inout GrowthLimit,
    _ change: (_ piece: UnsafeBufferPointer<UInt8>, _ isFirst: Bool, _ output: inout [UInt8]) -> Void
  ) throws(TextError) {
    let longest = bytes.count + limit.left
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + bytes.count / 2)
    var newEnds: [Int] = []
    newEnds.reserveCapacity(ends.count)
    bytes.withUnsafeBufferPointer { text in
      var start = 0
      for end in ends where output.count <= longest {
        change(UnsafeBufferPointer(rebasing: text[start..<end]), start == 0 && beginsText, &output)
        if output.count > newEnds.last ?? 0 { newEnds.append(output.count) }
        start = end
      }
    }
    try limit.count(from: bytes.count, to: output.count)
    bytes = output
    ends = newEnds
  }
}
