import TesseraCL
import TesseraMemory
import TesseraModels
import TesseraOperators

/// Samples the rows of a step together, on the device.
final class BatchSampler {
  private let runner: ModelRunner
  private let sampler: TokenSampler
  private var inputs, workspace, results: DeviceAllocation?

  init(_ runner: ModelRunner) throws {
    self.runner = runner
    sampler = TokenSampler(runner.library)
  }

  /// A choice for each row of a step's logits.
  func sample(_ rows: [SamplingRow], of result: ModelRunner.StepResult) throws -> [TokenSampler.Choice] {
    let request = try SamplingRequest(rows, vocabularySize: runner.profile.vocabularySize)
    let logits = try runner.logitsBuffer(result, rows: 0..<rows.count)
    let inputs = try room(&inputs, bytes: request.words.count * 4, "sampling inputs")
    let workspace = try room(&workspace, bytes: request.workspaceBytes, "sampling workspace")
    let results = try room(&results, bytes: request.resultCount * 4, "sampling results")
    try runner.queue.write(request.words, to: inputs)
    try sampler.enqueue(
      request, logits: logits, inputs: inputs, workspace: workspace, results: results, on: runner.queue)
    return try sampler.read(request, results: results, from: runner.queue)
  }

  /// A buffer of at least `bytes`, which grows by doubling.
  private func room(_ allocation: inout DeviceAllocation?, bytes: Int, _ label: String) throws -> Buffer {
    if let allocation, allocation.byteCount >= bytes { return allocation.buffer }
    let size = max(bytes, 2 * (allocation?.byteCount ?? 2048))
    allocation = nil
    let new = try runner.heap.allocate(byteCount: size, purpose: .workspace, label: label)
    allocation = new
    return new.buffer
  }
}
