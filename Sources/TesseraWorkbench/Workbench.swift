import TesseraCL
import TesseraMemory
import TesseraOperators

/// All it takes to run an operator by itself: a queue, the kernels of one style and a heap. Tests, `tessera doctor` and
/// the benchmarks use it.
package final class Workbench: Sendable {
  package let queue: Queue
  package let library: KernelLibrary
  package let heap: DeviceHeap

  /// - Parameters:
  ///   - style: nil takes what suits the device.
  ///   - profiling: lets `Queue.kernelSeconds` tell device times.
  package init(_ context: Context, style: KernelStyle? = nil, profiling: Bool = false) throws {
    queue = try Queue(context, profiling: profiling)
    library = KernelLibrary(context: context, style: style)
    heap = try DeviceHeap(context)
  }

  /// The style's tiles for heads of `headDim` elements.
  package func plan(headDim: Int = 64, tuning: Tuning = Tuning()) throws -> TilePlan {
    try TilePlan(limits: heap.limits, headDim: headDim, style: library.style, tuning: tuning)
  }

  /// A buffer that holds `values`.
  package func buffer<T: BitwiseCopyable>(_ values: [T]) throws -> Buffer {
    let buffer = try Buffer(queue.context, byteCount: values.count * MemoryLayout<T>.stride)
    try queue.write(values, to: buffer)
    return buffer
  }

  /// Floats that are all NaN, so that one which a kernel does not write shows.
  package func output(_ count: Int) throws -> Buffer {
    let buffer = try Buffer(queue.context, byteCount: count * 4)
    try queue.fill(buffer, byte: 0xff, byteCount: count * 4)
    return buffer
  }

  /// All floats of a buffer; waits for the device.
  package func floats(_ buffer: Buffer) throws -> [Float] {
    try queue.read(buffer, as: Float.self, count: buffer.byteCount / 4)
  }

  /// A matrix on the device.
  ///
  /// - Parameter bytes: its rows as a file has them.
  package func matrix(_ format: WeightFormat, bytes: [UInt8], rows: Int, columns: Int) throws -> WeightMatrix {
    let shape = try WeightShape(format: format, rows: rows, columns: columns)
    let matrix = try WeightMatrix(shape, heap: heap, label: "weights")
    let upload = try WeightUpload(library, queue: queue, heap: heap, stagingBytes: max(1 << 20, 64 * columns))
    try bytes.withUnsafeBytes { try upload.upload($0, rows: rows, into: matrix) }
    return matrix
  }
}
