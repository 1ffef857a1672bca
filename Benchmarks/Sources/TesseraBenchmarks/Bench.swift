import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference
import TesseraWorkbench

/// What cases run on: a queue that tells times, kernels, and weights that are made once for neighboring cases.
final class Bench {
  let work: Workbench
  /// Copies that a cold case goes over hold at least this together, so that none is found in a cache.
  let coldBytes: Int
  private var madeKey = ""
  private var made: [WeightMatrix] = []

  var queue: Queue { work.queue }
  var library: KernelLibrary { work.library }
  var profile: DeviceProfile { work.queue.context.device.profile }

  init(_ device: Device, style: KernelStyle?) throws {
    work = try Workbench(try Context(device), style: style, profiling: true)
    coldBytes = max(4 * device.profile.globalCacheBytes, 64 << 20)
  }

  /// How many copies of `bytes` a cold case needs.
  func coldCopies(bytes: Int) -> Int { max(1, (coldBytes + bytes - 1) / max(1, bytes)) }

  /// Random floats of moderate size, the same for the same count.
  func floats(_ count: Int) throws -> Buffer { try pattern(byteCount: count * 4, isHalf: false) }

  /// Memory filled with random floats, or halves; a pattern of a million that repeats.
  func pattern(byteCount: Int, isHalf: Bool, backing: Buffer.Backing = .driver) throws -> Buffer {
    var generator = SeededGenerator(seed: 1)
    let size = isHalf ? 2 : 4
    let values = generator.floats(min(byteCount / size, 1 << 20))
    let buffer = try Buffer(queue.context, byteCount: byteCount, backing: backing)
    if isHalf {
      try queue.write(values.map { ReferenceHalf.half(fromFloat: $0) }, to: buffer)
    } else {
      try queue.write(values, to: buffer)
    }
    var filled = values.count * size
    while filled < byteCount {
      let more = min(filled, byteCount - filled)
      try queue.copy(from: buffer, to: buffer, byteCount: more, toOffset: filled)
      filled += more
    }
    return buffer
  }

  /// Rows of random weights as a file has them.
  func fileRows(_ format: WeightFormat, rows: Int, columns: Int) throws -> [UInt8] {
    guard let type = ReferenceWeightType.allCases.first(where: { $0.rawValue.uppercased() == format.name }) else {
      throw BenchmarkError("there are no random weights of type \(format.name)")
    }
    return try ReferenceQuantization.randomBlocks(type: type, rows: rows, columns: columns, seed: 1)
  }

  /// As many copies of a matrix as a cold case needs; kept until another is asked for.
  func coldWeights(_ format: WeightFormat, rows: Int, columns: Int) throws -> [WeightMatrix] {
    let key = "\(format.name) \(rows) \(columns)"
    if key == madeKey { return made }
    (madeKey, made) = ("", [])
    let shape = try WeightShape(format: format, rows: rows, columns: columns)
    made = try (0..<coldCopies(bytes: shape.byteCount)).map { _ in
      let matrix = try WeightMatrix(shape, heap: work.heap, label: "weights")
      try fill(matrix)
      return matrix
    }
    madeKey = key
    return made
  }

  /// Fills a matrix with random weights: a few rows, again and again, since the time does not depend on the values.
  func fill(_ matrix: WeightMatrix) throws {
    let shape = matrix.shape
    let stripe = min(64, shape.rows)
    let bytes = try fileRows(shape.format, rows: stripe, columns: shape.columns)
    let upload = try WeightUpload(library, queue: queue, heap: work.heap, stagingBytes: max(1 << 20, bytes.count))
    for first in stride(from: 0, to: shape.rows, by: stripe) {
      let count = min(stripe, shape.rows - first)
      try bytes[..<(bytes.count / stripe * count)].withUnsafeBytes {
        try upload.upload($0, rows: count, into: matrix, at: .after(rows: first))
      }
    }
  }
}

/// Why something could not be measured.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
