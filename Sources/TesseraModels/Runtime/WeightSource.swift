import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// Where a model's weights come from.
protocol WeightSource {
  /// Fills a matrix on the device with tensors of its format whose rows follow each other, or alternate by groups.
  func fill(_ matrix: WeightMatrix, with tensors: [TensorInfo], alternating: Bool) throws
  /// The values of a vector of float32.
  func vector(_ tensor: TensorInfo) throws -> [Float]
}

/// Weights of a file, repacked on the device; the mapped pages are let go.
struct FileWeights: WeightSource {
  let file: GGUFFile
  let upload: WeightUpload

  func fill(_ matrix: WeightMatrix, with tensors: [TensorInfo], alternating: Bool) throws {
    var rowsBefore = 0
    for (index, tensor) in tensors.enumerated() {
      let placement: WeightUpload.Placement =
        alternating ? .alternating(isUp: index == 1) : rowsBefore == 0 ? .whole : .after(rows: rowsBefore)
      try upload.upload(try file.bytes(of: tensor), rows: tensor.rowCount, into: matrix, at: placement)
      rowsBefore += tensor.rowCount
      file.release(tensor)
    }
  }

  func vector(_ tensor: TensorInfo) throws -> [Float] {
    defer { file.release(tensor) }
    return try Configuration.floats(of: tensor, in: file)
  }
}

/// Random weights, made on the device; vectors, which are norms' weights, are ones.
struct GeneratedWeights: WeightSource {
  let random: RandomWeights
  let seed: UInt32
  let queue: Queue

  func fill(_ matrix: WeightMatrix, with tensors: [TensorInfo], alternating: Bool) throws {
    // FNV-1a of the name, so that no two matrices are alike.
    let name = tensors.first?.name ?? ""
    let hash = name.utf8.reduce(seed ^ 0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    try random.enqueue(into: matrix, seed: hash, on: queue)
  }

  func vector(_ tensor: TensorInfo) throws -> [Float] { [Float](repeating: 1, count: tensor.elementCount) }
}
