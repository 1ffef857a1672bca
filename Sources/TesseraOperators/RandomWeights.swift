import TesseraCL
import TesseraKernels
import TesseraMemory

/// Fills matrices with random weights on the device, for benchmarks that need no file: `Kernels/quantization/random.cl`.
package struct RandomWeights: Sendable {
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the filling of a whole matrix. The same seed gives the same weights, on every device.
  package func enqueue(into matrix: WeightMatrix, seed: UInt32, on sink: some CommandSink) throws {
    let shape = matrix.shape
    let words = shape.byteCount / 4
    var block = RandomArguments()
    block.quant_words = UInt64(shape.quantBytes / 4)
    block.word_count = UInt64(words)
    block.seed = seed
    try sink.dispatch(
      Dispatch(
        KernelVariant("quantization/random.cl", "randomize", shape.defines(library.style)), block, views: [matrix.view],
        written: [0], units: .init((words + Self.unitWords - 1) / Self.unitWords), localSize: library.style.localSize,
        cost: .init(bytes: shape.byteCount)), library)
  }

  private static let unitWords = Int(RANDOM_WORDS)
}
