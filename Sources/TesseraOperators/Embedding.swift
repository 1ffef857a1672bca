import TesseraCL
import TesseraKernels
import TesseraMemory

/// `y[token] = scale · w[ids[token]]`: `Kernels/embedding/embedding.cl`.
package struct Embedding: Sendable {
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the lookup.
  ///
  /// - Parameters:
  ///   - ids: (tokens) UInt32, each under the matrix's rows: the caller has checked.
  ///   - y: (tokens, columns) floats.
  ///   - adds: to what `y` has already, instead of writing it.
  package func enqueue(
    _ ids: any DeviceMemory, _ weights: WeightMatrix, into y: any DeviceMemory, tokens: Int, scale: Float = 1,
    adds: Bool = false, on sink: some CommandSink
  ) throws {
    let shape = weights.shape
    let (blocks, localSize) = (shape.columns / shape.format.blockSize, library.style.localSize)
    var block = EmbeddingArguments()
    block.scales_offset = UInt64(shape.scalesOffset)
    block.columns = UInt32(shape.columns)
    block.tokens = UInt32(tokens)
    block.flags = adds ? 1 : 0
    block.scale = scale
    try sink.dispatch(
      Dispatch(
        KernelVariant("embedding/embedding.cl", "embedding", shape.defines(library.style)), block,
        views: [ids.view, weights.view, y.view], written: [2],
        units: library.style == .vector ? .init(tokens) : .init((blocks + localSize - 1) / localSize, tokens),
        localSize: localSize,
        cost: .init(
          bytes: tokens * (shape.rowBytes + shape.columns * 4), weightBytes: tokens * shape.rowBytes,
          operations: tokens * shape.columns)), library)
  }
}
