import TesseraCL
import TesseraMemory
import TesseraModels
import TesseraOperators

/// Samples the rows of a step together, on the device.
final class BatchSampler {
  private let runner: ModelRunner
  private let sampler: TokenSampler
  private var inputs, workspace, results: DeviceAllocation?
  /// Of choices that are read while the next ones are made.
  private var slots: [(results: DeviceAllocation?, read: HostRead?)] = [(nil, nil), (nil, nil)]

  init(_ runner: ModelRunner) throws {
    self.runner = runner
    sampler = TokenSampler(runner.library)
  }

  /// One choice for each of some rows of a step's logits, from row `first` on; at most `logitRows`. Waits for the device.
  func sample(
    _ rows: [SamplingRow], of result: ModelRunner.StepResult, from first: Int = 0
  ) throws -> [TokenSampler.Choice] {
    let request = try SamplingRequest(rows, vocabularySize: runner.profile.vocabularySize)
    let results = try room(&results, bytes: request.resultCount * 4, "sampling results")
    try enqueue(request, of: result, from: first, into: results)
    return try sampler.read(request, results: results, from: runner.queue)
  }

  /// Choices that the device makes while the host goes on.
  struct Pending {
    /// Where they lie on the device, as `TokenSampler` leaves them.
    let results: BufferView
    fileprivate let request: SamplingRequest
    fileprivate let sampler: TokenSampler
    fileprivate let read: HostRead

    var rowCount: Int { request.rowCount }

    /// Waits for them: one for each row. They are read once.
    func values() throws -> [TokenSampler.Choice] { try sampler.choices(request, try read.values(as: UInt32.self)) }
  }

  /// Enqueues a choice for each row of a step's logits; at most two such are to be read at any time.
  func enqueue(_ rows: [SamplingRow], of result: ModelRunner.StepResult) throws -> Pending {
    let request = try SamplingRequest(rows, vocabularySize: runner.profile.vocabularySize)
    slots.reverse()
    let bytes = request.resultCount * 4
    let results = try room(&slots[0].results, bytes: bytes, "sampling results")
    try enqueue(request, of: result, from: 0, into: results)
    if (slots[0].read?.byteCount ?? 0) < bytes {
      slots[0].read = try HostRead(runner.queue, byteCount: results.byteCount)
    }
    guard let read = slots[0].read else { throw OperatorError(.shape, "no memory for \(bytes) bytes of choices") }
    try read.enqueue(results, byteCount: bytes)
    return Pending(results: results.view, request: request, sampler: sampler, read: read)
  }

  private func enqueue(
    _ request: SamplingRequest, of result: ModelRunner.StepResult, from first: Int, into results: Buffer
  ) throws {
    let logits = try runner.logitsView(result, rows: first..<first + request.rowCount)
    let inputs = try room(&inputs, bytes: request.words.count * 4, "sampling inputs")
    let workspace = try room(
      &workspace, bytes: TokenSampler.workspaceBytes(rows: runner.logitRows), "sampling workspace")
    try runner.queue.enqueueWrite(request.words, to: inputs)
    try sampler.enqueue(
      request, logits: logits, inputs: inputs, workspace: workspace, results: results, on: runner.queue)
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
