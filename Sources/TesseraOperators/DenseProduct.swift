import TesseraCL
import TesseraMemory

/// `c = a · bᵀ` of dense row-major float32 matrices that both change from call to call. (For weights, which are repacked
/// once, there is `MatrixProduct`.)
///
/// Tessera's kernel sums in its one fixed order: a row of `c` has the same bits whatever rows are computed beside it.
/// CLBlast (Nugteren 2018) chooses an order by shape: as exact, but not the same bits. So CLBlast serves only where the
/// caller allows any order, and where `tessera tune` has measured it to be faster on the device.
///
/// There is no product of float16 through CLBlast: it would round `a` and every partial sum to 11 bits.
package struct DenseProduct: Sendable {
  /// The orders that a sum may have.
  package enum SumOrder: Sendable {
    /// On nothing.
    case fixed
    /// On the shape.
    case any
  }

  /// Memory that Tessera's kernel needs: `b` repacked, and `a` packed in tiles.
  package struct Workspace: Sendable {
    let repacked: WeightMatrix
    let product: MatrixProduct.Workspace

    /// Takes memory for products of up to `rows` rows, and exactly `columns` columns, over `inner`.
    ///
    /// - Throws: `OperatorError` unless `inner` is a multiple of 32, `MemoryError` if it does not fit.
    package init(rows: Int, columns: Int, inner: Int, heap: DeviceHeap) throws {
      repacked = try WeightMatrix(
        WeightShape(format: .f32, rows: columns, columns: inner), heap: heap, label: "a dense matrix, repacked")
      let bytes = MatrixProduct.Workspace.packedBytes(tokens: rows, columns: inner)
      allocations = [
        try heap.allocate(byteCount: bytes, purpose: .workspace, label: "a dense matrix, packed"),
        try heap.allocate(
          byteCount: MatrixProduct.Workspace.sumBytes(tokens: rows, columns: inner), purpose: .workspace,
          label: "sums of a dense matrix"),
      ]
      product = .init(packed: allocations[0].buffer, sums: allocations[1].buffer)
    }

    private let allocations: [DeviceAllocation]
  }

  private let library: KernelLibrary
  private let tiles: TilePlan.Matrix

  package init(_ library: KernelLibrary, tiles: TilePlan.Matrix) {
    self.library = library
    self.tiles = tiles
  }

  /// Whether CLBlast computes products of `rows` rows.
  package func usesCLBlast(rows: Int, order: SumOrder) -> Bool {
    #if CLBlast
      order == .any && tiles.tuning[Tuning.dense(.init(rows)), "CLBLAST"] == 1
    #else
      false
    #endif
  }

  /// Enqueues the product.
  ///
  /// - Parameters:
  ///   - a: (rows, inner).
  ///   - b: (columns, inner).
  ///   - c: (rows, columns).
  /// - Throws: `OperatorError` if the workspace was made for another shape or a buffer is too small, `CLError`.
  package func enqueue(
    _ a: Buffer, _ b: Buffer, into c: Buffer, rows: Int, order: SumOrder = .fixed, workspace: Workspace, on queue: Queue
  ) throws {
    let shape = workspace.repacked.shape
    guard rows > 0, a.byteCount / 4 / shape.columns >= rows, c.byteCount / 4 / shape.rows >= rows,
      b.byteCount / 4 / shape.columns >= shape.rows
    else {
      throw OperatorError(
        .shape,
        "\(rows) × \(shape.columns) by \(shape.rows) × \(shape.columns) floats: the buffers have \(a.byteCount), "
          + "\(b.byteCount) and \(c.byteCount) bytes")
    }
    #if CLBlast
      if usesCLBlast(rows: rows, order: order) {
        return try queue.denseProduct(a, b, into: c, rows: rows, columns: shape.rows, inner: shape.columns)
      }
    #endif
    // A row-major matrix of floats is what a file's F32 tensor is.
    try WeightUpload.repack(b, rows: 0..<shape.rows, into: workspace.repacked, at: .whole, library, on: queue)
    try MatrixProduct(library, tiles: tiles).enqueue(
      a, workspace.repacked, into: c, tokens: rows, workspace: workspace.product, on: queue)
  }
}
