import Synchronization
import TesseraCL
import TesseraMemory
import TestSupport
import Testing

@testable import TesseraOperators

/// Suites that use a device run one test at a time, and on one thread: Oclgrind's check for uninitialised memory keeps
/// what it knows by thread.
@Suite("Operators on every device", .serialized)
enum OperatorsOnDevices {}

/// A device and a style of kernels: what the grids run over.
struct Target: Sendable, CustomStringConvertible {
  let device: TestDevice
  let style: KernelStyle

  static let all = TestDevices.all.flatMap { device in KernelStyle.allCases.map { Target(device: device, style: $0) } }

  var description: String { "\(style.rawValue) on \(device)" }

  private static let benches = Mutex<[String: Bench]>([:])

  /// The target's queue, kernels and memory, the same for all tests.
  func bench() throws -> Bench {
    try Self.benches.withLock { benches in
      if let bench = benches[description] { return bench }
      let bench = try Bench(device.context(), style: style)
      benches[description] = bench
      return bench
    }
  }
}

/// What a test needs to run an operator.
final class Bench: Sendable {
  let queue: Queue
  let library: KernelLibrary
  let heap: DeviceHeap

  init(_ context: Context, style: KernelStyle) throws {
    queue = try Queue(context)
    library = KernelLibrary(context: context, style: style, cache: ProgramCache())
    heap = try DeviceHeap(context)
  }

  func plan(headDim: Int = 64) throws -> TilePlan {
    try TilePlan(limits: heap.limits, headDim: headDim, style: library.style)
  }

  func buffer<T: BitwiseCopyable>(_ values: [T]) throws -> Buffer {
    let buffer = try Buffer(queue.context, byteCount: values.count * MemoryLayout<T>.stride)
    try queue.write(values, to: buffer)
    return buffer
  }

  /// Floats that are all NaN, so that one which a kernel does not write shows.
  func output(_ count: Int) throws -> Buffer {
    let buffer = try Buffer(queue.context, byteCount: count * 4)
    try queue.fill(buffer, byte: 0xff, byteCount: count * 4)
    return buffer
  }

  func floats(_ buffer: Buffer) throws -> [Float] {
    try queue.read(buffer, as: Float.self, count: buffer.byteCount / 4)
  }

  /// A matrix on the device, of rows as a file has them.
  func matrix(_ format: WeightFormat, bytes: [UInt8], rows: Int, columns: Int) throws -> WeightMatrix {
    let shape = try WeightShape(format: format, rows: rows, columns: columns)
    let matrix = try WeightMatrix(shape, heap: heap, label: "weights")
    let upload = try WeightUpload(library, queue: queue, heap: heap, stagingBytes: max(1 << 20, 64 * columns))
    try bytes.withUnsafeBytes { try upload.upload($0, rows: rows, into: matrix) }
    return matrix
  }
}
