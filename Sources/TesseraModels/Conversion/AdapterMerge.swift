import Synchronization
import TesseraFiles

/// Adapters whose products are added to matrices as these are written: W + Σ scale · B · A, rounded once to float32.
final class AdapterMerge: Sendable {
  private let adapters: [Adapter]
  private let model: any Checkpoint
  /// Names of pairs that have a place, by the adapter's index.
  private let used = Mutex<[Int: Set<String>]>([:])

  /// - Throws: `ModelError` for an adapter of the other kind of file than the model.
  init(_ adapters: [Adapter], _ model: any Checkpoint) throws {
    (self.adapters, self.model) = (adapters, model)
    guard let other = adapters.first(where: { $0.isGGUF != model is GGUFCheckpoint }) else { return }
    throw ModelError(
      .unsupportedFeature,
      "\(other.path): a \(other.isGGUF ? "GGUF file" : "folder") is added to no \(other.isGGUF ? "folder" : "GGUF file"): "
        + "take both of one kind, or use the adapter beside the model (--lora of other commands)")
  }

  func checkAllUsed() throws {
    let used = used.withLock { $0 }
    for (index, adapter) in adapters.enumerated() { try adapter.check(used: used[index] ?? [], model) }
  }

  func rows(_ rows: TensorRows, of tensor: StoredTensor) throws -> TensorRows {
    try self.rows(rows, of: Parameter(name: tensor.name, gguf: tensor.name))
  }

  /// The rows of a matrix, of all that its tensor has, with what adapters add to them.
  func rows(_ rows: TensorRows, of parameter: Parameter) throws -> TensorRows {
    var sums: [LowRankSum] = []
    for (index, adapter) in adapters.enumerated() {
      guard let (name, pair) = adapter.pair(parameter) else { continue }
      used.withLock { _ = $0[index, default: []].insert(name) }
      guard [.f32, .f16, .bf16].contains(rows.type) else {
        throw ModelError(
          .unsupportedFeature,
          "\(model.path): \(name) is \(rows.type.name): an adapter is added to F32, F16 and BF16: convert the model "
            + "as it was published, or use the adapter beside it (--lora of other commands)")
      }
      guard pair.a.columnCount == rows.columnCount, pair.b.rowCount == rows.rowCount else {
        throw ModelError(
          .inconsistent,
          "\(adapter.path): \(name) is beside a matrix of (\(pair.b.rowCount), \(pair.a.columnCount)), in \(model.path) "
            + "it is (\(rows.rowCount), \(rows.columnCount)): the adapter is another model's")
      }
      sums.append(LowRankSum(adapter: adapter, pair: pair))
    }
    return sums.isEmpty ? rows : rows.adding(sums)
  }
}

/// scale · B · A.
private final class LowRankSum: Sendable {
  private let adapter: Adapter
  private let pair: Adapter.Pair
  /// Both matrices, between the first row and the last.
  private let values = Mutex<(a: [Float], b: [Float])?>(nil)

  init(adapter: Adapter, pair: Adapter.Pair) { (self.adapter, self.pair) = (adapter, pair) }

  func release() { values.withLock { $0 = nil } }

  private func matrices() throws -> (a: [Float], b: [Float]) {
    try values.withLock { known in
      if let known { return known }
      let read = (try adapter.values(pair.a), try adapter.values(pair.b))
      known = read
      return read
    }
  }

  /// Adds rows of it, (rows, columns).
  func add(to sums: inout [Double], rows: Range<Int>, columns: Int) throws {
    let (a, b) = try matrices()
    for (index, row) in rows.enumerated() {
      for rank in 0..<pair.rank {
        let factor = pair.scale * Double(b[row * pair.rank + rank])
        for column in 0..<columns { sums[index * columns + column] += factor * Double(a[rank * columns + column]) }
      }
    }
  }
}

extension TensorRows {
  fileprivate func adding(_ sums: [LowRankSum]) -> TensorRows {
    TensorRows(
      type: .f32, rowCount: rowCount, columnCount: columnCount,
      finish: {
        for sum in sums { sum.release() }
        release()
      },
      read: { rows, body in
        var values: [Double] = []
        try withRows(rows) { values += FloatTensor.values($0, type).map { Double($0) } }
        for sum in sums { try sum.add(to: &values, rows: rows, columns: columnCount) }
        try values.map { Float($0) }.withUnsafeBytes(body)
      })
  }
}
