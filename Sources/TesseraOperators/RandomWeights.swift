import TesseraCL

/// Fills matrices with random weights on the device, for benchmarks that need no file: `Kernels/quantization/random.cl`.
public struct RandomWeights: Sendable {
  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the filling of a whole matrix. The same seed gives the same weights, on every device.
  public func enqueue(into matrix: WeightMatrix, seed: UInt32, on queue: Queue) throws {
    let shape = matrix.shape
    let kernel = try library.kernel(
      "quantization/random.cl", "randomize", [.init("WEIGHT_TYPE", Int(shape.format.rawValue))])
    let words = shape.byteCount / 4
    try queue.enqueue(
      kernel, over: .covering(words, groupSize: 64), matrix.buffer, UInt64(shape.quantBytes / 4), UInt64(words), seed)
  }
}
