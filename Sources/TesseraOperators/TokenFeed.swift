import TesseraCL
import TesseraKernels

/// Takes the tokens that a sampler has chosen as the ids of the next step, on the device: `Kernels/sampling/feed.cl`.
package struct TokenFeed: Sendable {
  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Enqueues the copies.
  ///
  /// - Parameters:
  ///   - results: of `TokenSampler`, of `rows` rows at least.
  ///   - ids: (rows) UInt32.
  package func enqueue(
    _ results: any DeviceMemory, into ids: any DeviceMemory, rows: Int, vocabularySize: Int, on sink: some CommandSink
  ) throws {
    guard rows > 0, vocabularySize > 0 else {
      throw OperatorError(.shape, "\(rows) tokens of a vocabulary of \(vocabularySize): both must be positive")
    }
    var block = GatherArguments()
    (block.rows, block.columns) = (UInt32(rows), UInt32(vocabularySize))
    let localSize = library.style.localSize
    var dispatch = try Dispatch(
      KernelVariant("sampling/feed.cl", "feed"), block, views: [results.view, nil, ids.view], written: [2],
      units: .init((rows + localSize - 1) / localSize), localSize: localSize,
      cost: .init(bytes: rows * (SamplingRequest.resultBytes + 4)))
    dispatch.isInlinable = false
    try sink.dispatch(dispatch, library)
  }
}
