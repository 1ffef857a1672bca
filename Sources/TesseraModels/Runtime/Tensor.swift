import TesseraOperators

/// A matrix of floats that a step computes: a piece of its arena, or a view of other memory.
struct Tensor: Sendable, DeviceMemory {
  let view: BufferView
  let rows: Int
  let columns: Int

  var floatCount: Int { rows * columns }
}
