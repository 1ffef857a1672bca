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

  /// A choice for each of some rows of a step's logits, from row `first` on; at most `logitRows`.
  func sample(
    _ rows: [SamplingRow], of result: ModelRunner.StepResult, from first: Int = 0
  ) throws -> [TokenSampler.Choice] {
    let request = try SamplingRequest(rows, vocabularySize: runner.profile.vocabularySize)
    let logits = try runner.logitsView(result, rows: first..<first + rows.count)
    let inputs = try room(&inputs, bytes: request.words.count * 4, "sampling inputs")
    let workspace = try room(
      &workspace, bytes: TokenSampler.workspaceBytes(rows: runner.logitRows), "sampling workspace")
    let results = try room(&results, bytes: request.resultCount * 4, "sampling results")
    try runner.queue.enqueueWrite(request.words, to: inputs)
    try sampler.enqueue(
      request, logits: logits, inputs: inputs, workspace: workspace, results: results, on: runner.queue)
    return try sampler.read(request, results: results, from: runner.queue)
  }

  private static let unit = 16 << 10

  /// A buffer of at least `bytes`, in whole units.
  private func room(_ allocation: inout DeviceAllocation?, bytes: Int, _ label: String) throws -> Buffer {
    if let allocation, allocation.byteCount >= bytes { return allocation.buffer }
    allocation = nil
    let new = try runner.heap.allocate(
      byteCount: (bytes + Self.unit - 1) / Self.unit * Self.unit, purpose: .workspace, label: label)
    allocation = new
    return new.buffer
  }
}
