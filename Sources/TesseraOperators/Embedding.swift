import TesseraCL

/// `y[token] = factor · w[ids[token]]`: `Kernels/embedding/embedding.cl`.
public struct Embedding: Sendable {
  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the lookup.
  ///
  /// - Parameters:
  ///   - ids: (tokens) UInt32, each under the matrix's rows: the caller has checked.
  ///   - y: (tokens, columns) floats.
  public func enqueue(
    _ ids: Buffer, _ weights: WeightMatrix, into y: Buffer, tokens: Int, factor: Float = 1, on queue: Queue
  ) throws {
    let shape = weights.shape
    let kernel = try library.kernel(
      "embedding/embedding.cl", "embedding", [.init("WEIGHT_TYPE", Int(shape.format.rawValue))])
    try queue.enqueue(
      kernel, over: NDRange(global: [shape.columns / shape.format.superBlockSize, tokens], local: [1, 1]), ids,
      weights.buffer, UInt64(shape.scalesOffset), y, UInt32(shape.columns), factor)
  }
}
