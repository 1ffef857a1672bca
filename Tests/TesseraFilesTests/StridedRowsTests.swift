import Testing

@testable import TesseraFiles

@Suite("Rows at regular places")
struct StridedRowsTests {
  @Test("runs, rows and bytes are those of a list")
  func random() throws {
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<600).map { UInt8(truncatingIfNeeded: $0 / 3) }
    for _ in 0..<300 {
      let start = Int.random(in: 0..<50, using: &random)
      let bounds = start..<start + Int.random(in: 0...100, using: &random)
      let length = Int.random(in: 1...9, using: &random)
      let stride = length + Int.random(in: 0...9, using: &random)
      let rows = StridedRows(bounds, length: length, every: stride)
      let expected = bounds.filter { ($0 - start) % stride < length }
      #expect(rows.flatMap { Array($0) } == expected, "\(rows)")
      #expect(rows.rowCount == expected.count && (0..<rows.rowCount).map(rows.row) == expected, "\(rows)")
      #expect(rows.bounds.upperBound == (expected.last.map { $0 + 1 } ?? start))
      try bytes.withUnsafeBytes { all in
        try rows.withBytes(of: all, rowByteCount: 3) { own in
          #expect(Array(own) == expected.flatMap { [UInt8](repeating: UInt8($0), count: 3) }, "\(rows)")
        }
      }
    }
  }

  @Test("however many they are, they take the room of four numbers")
  func room() {
    #expect(MemoryLayout<StridedRows>.size == 4 * MemoryLayout<Int>.size)
    let rows = StridedRows(1..<2 << 40, length: 1, every: 2)
    #expect(rows.rowCount == 1 << 40 && rows.count == 1 << 40 && rows.row(1 << 30) == 1 + (2 << 30))
    #expect(StridedRows(3..<9).count == 1 && StridedRows(3..<9).first == 3..<9)
    // No stride that there could be: all.
    #expect(Array(StridedRows(3..<9, length: 2, every: 1)) == [3..<9])
  }
}
