import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// Brings a model's tensors to the device, each once, and knows which were not asked for.
public final class WeightLoader {
  public let file: GGUFFile
  private let heap: DeviceHeap
  private let slab: DeviceSlab?
  private let queue: Queue
  private let source: any WeightSource
  private let progress: (Double) -> Void
  private var loaded: Set<String> = []
  private var loadedBytes = 0
  private let totalBytes: Int

  /// - Parameter progress: told the share of the bytes that are on the device, 0 to 1.
  init(
    _ file: GGUFFile, library: KernelLibrary, heap: DeviceHeap, queue: Queue, progress: @escaping (Double) -> Void
  ) throws {
    self.file = file
    self.heap = heap
    slab = try DeviceSlab(
      heap, byteCount: Self.deviceBytes(file, alignment: heap.limits.baseAddressAlignment).total, purpose: .weights,
      label: "the weights")
    self.queue = queue
    self.progress = progress
    totalBytes = max(1, file.tensors.reduce(0) { $0 + $1.byteCount })
    source =
      file.hasData
      ? FileWeights(
        file: file,
        upload: try WeightUpload(library, queue: queue, heap: heap, stagingBytes: try Self.stagingBytes(file)))
      : GeneratedWeights(
        random: RandomWeights(library),
        seed: UInt32(truncatingIfNeeded: try file.metadata.optionalInt(RandomModel.seedKey) ?? 0), queue: queue)
  }

  /// The buffer that all weights lie in, where they fit one.
  var wholeBuffer: Buffer? { slab?.buffer }

  private func allocate(byteCount: Int, label: String) throws(MemoryError) -> DeviceAllocation {
    if let slab { return try slab.allocate(byteCount: byteCount, label: label) }
    return try heap.allocate(byteCount: byteCount, purpose: .weights, label: label)
  }

  /// A tensor by name, or several whose rows follow each other.
  ///
  /// - Parameter alternating: two tensors, gates and ups, whose groups of rows alternate.
  func matrix(_ names: [String], rows: [Int], columns: Int, alternating: Bool = false) throws -> WeightMatrix {
    let tensors = try zip(names, rows).map { try tensor($0, dimensions: [columns, $1]) }
    guard let first = tensors.first else { throw ModelError(.inconsistent, "a matrix of no tensors") }
    let format = try Self.format(of: first, in: file)
    if let other = tensors.first(where: { $0.type != first.type }) {
      throw ModelError(
        .unsupportedFeature,
        "\(file.mappedFile.path): tensor \(other.name) is \(other.type.name) and \(first.name) is \(first.type.name): "
          + "they are computed together and must have one type")
    }
    let shape = try WeightShape(format: format, rows: rows.reduce(0, +), columns: columns)
    let matrix = try WeightMatrix(
      shape, allocate(byteCount: shape.byteCount, label: names.joined(separator: " + ")))
    try source.fill(matrix, with: tensors, alternating: alternating)
    for tensor in tensors { finish(tensor) }
    return matrix
  }

  /// Tensors whose rows follow each other, in as few matrices as their formats allow, with the row that each begins at.
  func matrices(_ names: [String], rows: [Int], columns: Int) throws -> [(matrix: WeightMatrix, firstRow: Int)] {
    var result: [(matrix: WeightMatrix, firstRow: Int)] = []
    var start = 0
    var firstRow = 0
    while start < names.count {
      let format = try file.requiredTensor(named: names[start]).type
      var end = start + 1
      while end < names.count, rows[end - 1].isMultiple(of: 16),
        try file.requiredTensor(named: names[end]).type == format
      {
        end += 1
      }
      result.append((try matrix(Array(names[start..<end]), rows: Array(rows[start..<end]), columns: columns), firstRow))
      firstRow += rows[start..<end].reduce(0, +)
      start = end
    }
    return result
  }

  /// A vector of float32, e.g. a norm's weight.
  func vector(_ name: String, count: Int) throws -> DeviceAllocation {
    let tensor = try tensor(name, dimensions: [count])
    let values = try source.vector(tensor)
    let allocation = try allocate(byteCount: count * 4, label: name)
    try queue.write(values, to: allocation.buffer)
    finish(tensor)
    return allocation
  }

  func has(_ name: String) -> Bool { file.tensor(named: name) != nil }

  /// Throws if the file has a tensor that the family did not ask for: its model is not quite that family's.
  func checkAllLoaded(except ignored: Set<String>) throws {
    guard let unused = file.tensors.first(where: { !loaded.contains($0.name) && !ignored.contains($0.name) }) else {
      return
    }
    throw ModelError(
      .unsupportedFeature,
      "\(file.mappedFile.path): tensor \(unused.name) belongs to a variant of the architecture that is not supported")
  }

  private func tensor(_ name: String, dimensions: [Int]) throws -> TensorInfo {
    let tensor = try file.requiredTensor(named: name)
    guard tensor.dimensions == dimensions else {
      throw ModelError(
        .inconsistent,
        "\(file.mappedFile.path): tensor \(name) has dimensions \(tensor.dimensions), \(dimensions) are expected")
    }
    return tensor
  }

  private func finish(_ tensor: TensorInfo) {
    loaded.insert(tensor.name)
    loadedBytes += tensor.byteCount
    progress(Double(loadedBytes) / Double(totalBytes))
  }

  static func format(of tensor: TensorInfo, in file: GGUFFile) throws -> WeightFormat {
    guard let format = WeightFormat(rawValue: tensor.type.rawValue) else {
      throw ModelError(
        .unsupportedFeature,
        "\(file.mappedFile.path): tensor \(tensor.name) is \(tensor.type.name): "
          + "\(WeightFormat.allCases.map(\.name).joined(separator: ", ")) are supported")
    }
    return format
  }

  /// Bytes of all weights on the device, each padded to the alignment of buffers, and of the largest one, computed from
  /// the file alone.
  static func deviceBytes(_ file: GGUFFile, alignment: Int) throws -> (total: Int, largest: Int) {
    var total = 0
    var largest = 0
    for tensor in file.tensors {
      let bytes =
        tensor.dimensions.count < 2
        ? tensor.byteCount
        : try WeightShape(format: format(of: tensor, in: file), rows: tensor.rowCount, columns: tensor.rowLength)
          .byteCount
      let (sum, overflow) = total.addingReportingOverflow(DeviceSlab.paddedBytes(bytes, alignment: alignment))
      guard !overflow else { throw ModelError(.inconsistent, "\(file.mappedFile.path): the weights' size overflows") }
      total = sum
      largest = max(largest, bytes)
    }
    return (total, largest)
  }

  /// Bytes of weights that a step of one token reads: all but the embeddings, of which it takes a row, unless they also
  /// make the logits.
  static func bytesPerToken(_ file: GGUFFile) throws -> Int {
    let embedding = file.tensor(named: "token_embd.weight")
    let isTied = file.tensor(named: "output.weight") == nil
    return try deviceBytes(file, alignment: 1).total - (isTied ? 0 : embedding?.byteCount ?? 0)
  }

  /// Room for 16 rows of the widest tensor, and for enough of the others that few pieces travel.
  static func stagingBytes(_ file: GGUFFile) throws -> Int {
    guard file.hasData else { return 0 }
    let widest = file.tensors.map(\.rowByteCount).max() ?? 0
    let (rows, overflow) = widest.multipliedReportingOverflow(by: 16)
    guard !overflow, rows < 1 << 32 else {
      throw ModelError(.inconsistent, "\(file.mappedFile.path): a tensor has rows of \(widest) bytes")
    }
    return max(rows, 8 << 20)
  }
}
