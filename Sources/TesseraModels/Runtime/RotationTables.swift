import TesseraCL
import TesseraMemory
import TesseraOperators

/// The cosines and sines of all positions on the device, (positions, rotaryDim / 2, 2) for each of a model's rotary
/// tables: a step takes the rows of its positions. They are written piece by piece, as sequences grow.
final class RotationTables {
  private let tables: [RotaryTable]
  private let memory: [DeviceAllocation]
  private let queue: Queue
  private let positions: Int
  /// Positions that are written, or enqueued to be.
  private var written = 0

  /// Positions of a piece.
  private static let piece = 1024

  /// Bytes on the device for so many positions.
  static func deviceBytes(_ profile: ModelProfile, positions: Int) -> Int {
    profile.rotaryTables.reduce(0) { $0 + tableBytes($1, positions) }
  }

  private static func tableBytes(_ table: RotaryTable, _ positions: Int) -> Int { positions * table.rotaryDim * 4 }

  init(_ profile: ModelProfile, positions: Int, heap: DeviceHeap, queue: Queue) throws {
    tables = profile.rotaryTables.map { $0.table(ofContext: positions) }
    (self.positions, self.queue) = (positions, queue)
    memory = try tables.map {
      try heap.allocate(byteCount: Self.tableBytes($0, positions), purpose: .workspace, label: "rotations")
    }
  }

  /// Where the tables lie.
  var views: [BufferView] { memory.map(\.buffer.view) }

  /// Enqueues what is missing of positions up to `last`.
  func write(upTo last: Int) throws {
    while written <= last, written < positions {
      let end = min(written + Self.piece, positions)
      for (table, memory) in zip(tables, memory) {
        try queue.enqueueWrite(
          table.rows(at: written..<end), to: memory.buffer, byteOffset: Self.tableBytes(table, written))
      }
      written = end
    }
  }
}
