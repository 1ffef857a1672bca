import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// The device that parameters are brought to: one buffer for all of them where it allows one, and what fills it.
final class ParameterDevice {
  let queue: Queue
  private let heap: DeviceHeap
  private let slab: DeviceSlab?
  private let upload: WeightUpload
  private let random: RandomWeights
  private let seed: UInt32

  /// - Parameter seed: of a described model's weights.
  init(
    _ library: KernelLibrary, plan: ParameterStore.Plan, heap: DeviceHeap, queue: Queue, seed: UInt32
  ) throws {
    (self.heap, self.queue, self.seed) = (heap, queue, seed)
    slab = try DeviceSlab(heap, byteCount: max(1, plan.totalBytes), purpose: .weights, label: "the weights")
    upload = try WeightUpload(
      library, queue: queue, heap: heap, stagingBytes: Self.stagingBytes(plan))
    random = RandomWeights(library)
  }

  /// Room for 16 rows of the widest matrix and for what they are quantized to, and for enough of the others that few
  /// pieces travel.
  static func stagingBytes(_ plan: ParameterStore.Plan) -> Int { max(plan.largestRowBytes * 32, 8 << 20) }

  func allocate(byteCount: Int, label: String) throws(MemoryError) -> DeviceAllocation {
    if let slab { return try slab.allocate(byteCount: byteCount, label: label) }
    return try heap.allocate(byteCount: byteCount, purpose: .weights, label: label)
  }

  /// Fills a matrix with pieces whose rows follow each other, or alternate by groups.
  ///
  /// - Parameter keepsPages: the file's pages are read again.
  func fill(
    _ matrix: WeightMatrix, with pieces: [ParameterStore.Piece], isInterleaved: Bool, keepsPages: Bool = false,
    _ checkpoint: any Checkpoint
  ) throws {
    guard checkpoint.hasData else {
      // FNV-1a of the name, so that no two matrices are alike.
      let name = pieces.first.map { "\($0.tensor.name)\($0.parameter.slice?.rows.lowerBound.description ?? "")" } ?? ""
      let hash = name.utf8.reduce(seed ^ 0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
      return try random.enqueue(into: matrix, seed: hash, on: queue)
    }
    var rowsBefore = 0
    for (index, piece) in pieces.enumerated() {
      let placement: WeightUpload.Placement =
        isInterleaved ? .alternating(isUp: index == 1) : rowsBefore == 0 ? .whole : .after(rows: rowsBefore)
      try upload(piece, into: matrix, at: placement, checkpoint)
      if !keepsPages { checkpoint.release(piece.tensor) }
      rowsBefore += piece.rowCount
    }
  }

  /// Fills a matrix of floats with rows that were computed.
  func fill(_ matrix: WeightMatrix, with values: [Float], rows: Int, columns: Int) throws {
    try values.withUnsafeBytes {
      try upload($0, type: .f32, rows: rows, columns: columns, into: matrix, at: .whole)
    }
  }

  private func upload(
    _ piece: ParameterStore.Piece, into matrix: WeightMatrix, at placement: WeightUpload.Placement,
    _ checkpoint: any Checkpoint
  ) throws {
    let tensor = piece.tensor
    func uploadRows(of bytes: UnsafeRawBufferPointer, columns: Int) throws {
      try piece.rows.withBytes(of: bytes, rowByteCount: columns * tensor.type.blockByteCount) {
        try upload($0, type: tensor.type, rows: piece.rowCount, columns: columns, into: matrix, at: placement)
      }
    }
    if let part = piece.parameter.columnRows?.rows {
      return try checkpoint.withRows(part, of: tensor) { rows in
        try FloatTensor.transposed(rows, tensor).withUnsafeBytes {
          try uploadRows(of: $0, columns: part.count)
        }
      }
    }
    if piece.parameter.isNormalized {
      return try FloatTensor.normalized(checkpoint.bytes(of: tensor), tensor).withUnsafeBytes {
        try uploadRows(of: $0, columns: tensor.columnCount)
      }
    }
    guard piece.parameter.isTransposed else {
      return try checkpoint.withRows(piece.rows, of: tensor) {
        try upload(
          $0, type: tensor.type, rows: piece.rowCount, columns: tensor.columnCount, into: matrix, at: placement)
      }
    }
    try FloatTensor.transposed(checkpoint.bytes(of: tensor), tensor).withUnsafeBytes {
      try uploadRows(of: $0, columns: tensor.rowCount)
    }
  }

  /// Brings rows to the device, with zeros behind those that are shorter than the matrix's.
  private func upload(
    _ bytes: UnsafeRawBufferPointer, type: GGMLType, rows: Int, columns: Int, into matrix: WeightMatrix,
    at placement: WeightUpload.Placement
  ) throws {
    guard columns < matrix.shape.columns else {
      return try upload.upload(bytes, type: type, rows: rows, into: matrix, at: placement)
    }
    let (rowBytes, paddedBytes) = (columns * type.blockByteCount, matrix.shape.columns * type.blockByteCount)
    let padded = [UInt8](unsafeUninitializedCapacity: rows * paddedBytes) { memory, count in
      memory.initialize(repeating: 0)
      for row in 0..<rows {
        UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(memory)[row * paddedBytes..<row * paddedBytes + rowBytes]
        )
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[row * rowBytes..<(row + 1) * rowBytes]))
      }
      count = rows * paddedBytes
    }
    try padded.withUnsafeBytes { try upload.upload($0, type: type, rows: rows, into: matrix, at: placement) }
  }
}

extension WeightUpload {
  /// As `upload`, of rows in a stored type, which are quantized on their way where the matrix has another.
  func upload(
    _ bytes: UnsafeRawBufferPointer, type: GGMLType, rows: Int, into matrix: WeightMatrix, at placement: Placement
  ) throws {
    guard let stored = WeightFormat(type) else {
      throw ModelError(.unsupportedFeature, "weights of \(type.name) as \(matrix.shape.format.name)")
    }
    if stored == matrix.shape.format {
      try upload(bytes, rows: rows, into: matrix, at: placement)
    } else {
      try quantize(bytes, as: stored, rows: rows, into: matrix, at: placement)
    }
  }
}
