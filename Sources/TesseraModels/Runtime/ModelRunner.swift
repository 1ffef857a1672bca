import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// A model on a device: its weights, its cache and its workspace.
///
/// Not Sendable, and its calls wait for the device: keep it where blocking is allowed.
package final class ModelRunner {
  /// Choices of how a model uses its device.
  package struct Options: Sendable {
    /// Tokens that a sequence may hold; nil takes the model's, at most 4,096.
    package var contextLength: Int?
    /// Sequences that may be full at once.
    package var sequenceCount = 1
    /// Bytes for keys and values: fewer sequences are planned for, where so many take more; nil: no bound.
    package var cacheBytes: Int?
    /// The most tokens that one step takes.
    package var chunkSize = 512
    /// How keys and values are kept.
    package var keys = KVEncoding.f32
    package var values = KVEncoding.f32
    /// The type that float weights are quantized to as they load; nil keeps them.
    package var weightFormat: WeightFormat?
    /// Device memory that may be used, in bytes; nil leaves the device a margin.
    package var memoryBudget: Int?
    /// What the host's memory is wanted for.
    package var hostMemory = HostMemoryDemand()
    /// nil takes the style that suits the device.
    package var style: KernelStyle?
    /// Tiles that were measured to be fast; nil takes those of the database for the device.
    package var tuning: Tuning?
    /// `.fast` where it is faster: see `ModelRunner.precision`.
    package var precision = Precision.exact
    /// What sequences may have beside the model's matrices, by their index.
    package var adapters: [Adapter] = []
    /// Of a described model's random weights.
    package var seed: UInt32 = 0
    /// Whether what steps and draws launch is compiled while the model is loaded, not as it is first launched: kernels before the
    /// weights, a program of steps behind them. Nil does so on GPUs.
    package var compilesAhead: Bool?
    /// Bytes of device memory for experts, which stay in host memory and come as they are chosen; nil: all are on the device.
    package var expertMemory: Int?
    /// Whether steps that are launched and run again are recorded as command buffers, where the device has them; nil does so on
    /// GPUs.
    package var recordsSteps: Bool?
    /// Whether a step on a CPU is a program of few launches, which is the fastest way; false launches its commands one by one,
    /// as on GPUs: models share most of their kernels, and few programs.
    package var usesPrograms = true
    /// A bound of a single buffer, in bytes, below the device's.
    package var largestAllocation: Int?

    package init() {}
  }

  /// The rows that a batch wanted, on the device until the next call.
  package struct StepResult {
    /// Of the wanted tokens, in the order of the batch's chunks.
    package let rowCount: Int
    /// (rowCount, hiddenSize) or (rowCount, vocabularySize); nil where nothing was wanted.
    let view: BufferView?
    package let isLogits: Bool
    /// Which of the runner's results it is.
    let number: Int
  }

  /// Tokens that a row of logits may have a bias for when it is sampled: memory is planned for so many.
  package static let biasLimit = ModelLayout.biasLimit

  package let profile: ModelProfile
  package let plan: MemoryPlan
  package let contextLength: Int
  package let chunkSize: Int
  /// Names of the adapters that sequences may have, by their number.
  package let adapters: [String]
  package let heap: DeviceHeap
  package let cache: KVCache
  package let queue: Queue
  package let library: KernelLibrary
  /// The precision that products have: `.exact` also where `.fast` was asked for and the device or the weights' types gain
  /// nothing by it.
  package var precision: Precision { planner.operators.precision }
  /// Rows of logits that are computed at once, at most.
  package var logitRows: Int { ModelLayout.logitRows(profile) }
  /// Whether steps are launched command by command, so that one can be enqueued while another runs; else they are programs.
  package var isLaunched: Bool { counters == nil }
  package var isEncoder: Bool { planner.family is any Encoder }
  /// Layers that tokens pass through: of an encoder-decoder the decoder's.
  package var layerCount: Int {
    (planner.family as? any StackedDecoder)?.layers.count ?? (planner.family as? any LayeredEncoder)?.layers.count
      ?? profile.layerCount
  }
  /// Whether it is an encoder-decoder, whose sequences begin with a source.
  package var takesSource: Bool { planner.family is any EncoderDecoder }

  /// Whether there are experts, and what they have cost where they stay in host memory.
  package let hasExperts: Bool
  package var expertStatistics: ExpertStatistics? { experts.residency?.statistics }
  /// Whether the experts that are chosen are counted, for which the host waits at each layer of a step.
  package var watchesExperts = false
  /// Those counted; all where experts stay in host memory.
  package var expertReads: ExpertReads { experts.reads }

  let planner: StepPlanner
  private let hostMemory: HostReservation
  private let experts: ExpertService
  private let shaper: StepShaper
  let blocks: CacheBlocks
  private let feed: TokenFeed
  let inputs, arena: DeviceAllocation
  let hidden, selected: DeviceAllocation
  /// What blocks pass through on their way to the host and back, once some have.
  var blockStaging: DeviceAllocation?
  private let rotations: RotationTables
  private let recordsSteps: Bool
  /// Nil where steps are launched command by command.
  let counters: StepCounters?
  private var steps = PreparedSteps()
  /// The number of the last step.
  package internal(set) var lastResult = 0
  /// Where the step before the last one ends, if it may still run.
  private var stepEnd: QueueMark?
  /// Steps that were prepared so far, each for a new shape.
  package private(set) var preparedCount = 0

  /// Plans the memory, refuses what does not fit, and brings the weights to the device.
  ///
  /// - Parameters:
  ///   - library: kernels of the device, which models may share; nil makes its own.
  ///   - progress: called as kernels are compiled and weights loaded.
  /// - Throws: `CancellationError` where the task is canceled between two kernels; `FileError`, `ModelError`, `MemoryError`, `OperatorError`, `CLError`.
  package convenience init(
    _ checkpoint: any Checkpoint, on device: Device, options: Options = Options(), library: KernelLibrary? = nil,
    progress: @escaping (LoadProgress) -> Void = { _ in }
  ) throws {
    try self.init(ModelDraft(checkpoint, on: device, options: options, library: library), progress: progress)
  }

  /// Brings a planned model to its device.
  package init(_ draft: ModelDraft, progress: @escaping (LoadProgress) -> Void = { _ in }) throws {
    let (checkpoint, layout, options) = (draft.checkpoint, draft.layout, draft.options)
    try draft.memory.check(
      limits: DeviceLimits(draft.library.context.device).limited(toAllocations: options.largestAllocation),
      budgetBytes: options.memoryBudget)
    (profile, plan, library) = (layout.profile, draft.memory, draft.library)
    (contextLength, chunkSize) = (layout.contextLength, layout.chunkSize)
    adapters = options.adapters.map(\.name)
    let compilesAhead = options.compilesAhead ?? (library.context.device.profile.type == .gpu)
    if compilesAhead, !draft.usesPrograms {
      try library.compile(
        draft.variants(), isCancelled: { Task.isCancelled }, progress: { progress(.kernels($0, of: $1)) })
    }
    // First: of a CPU it is the same memory.
    hostMemory = HostReservation(byteCount: plan.host.totalBytes)
    let shared = plan.budgetedBytes - plan.totalBytes
    // Staging is given back when the weights are there, unless experts go on to pass through it.
    heap = try DeviceHeap(
      library.context, budgetBytes: options.memoryBudget.map { $0 - shared },
      plannedBytes: plan.totalBytes - (layout.expertPlaces == nil ? plan.stagingBytes : 0),
      largestAllocation: options.largestAllocation)
    queue = try Queue(library.context)

    inputs = try heap.allocate(byteCount: layout.inputBytes, purpose: .workspace, label: "a step's inputs")
    arena = try heap.allocate(byteCount: max(1, draft.arenaBytes), purpose: .workspace, label: "the step arena")
    hidden = try heap.allocate(byteCount: layout.hiddenBytes, purpose: .workspace, label: "hidden states")
    selected = try heap.allocate(byteCount: layout.hiddenBytes, purpose: .workspace, label: "hidden states of logits")
    rotations = try RotationTables(profile, positions: contextLength, heap: heap, queue: queue)
    counters =
      draft.usesPrograms
      ? try StepCounters(commandCount: draft.commandCount, heap: heap, queue: queue) : nil
    cache = try KVCache(layout.cache, blockCounts: draft.memory.blockCounts, on: heap)

    let device = try ParameterDevice(library, plan: layout.parameters, heap: heap, queue: queue, seed: options.seed)
    let residency = try layout.expertPlaces.map { [heap] in
      try ExpertResidency(layout.parameters.experts, placeCount: $0, of: checkpoint, onto: device, heap: heap)
    }
    hasExperts = layout.parameters.experts.count > 0
    experts = ExpertService(residency, queue: queue)
    let parameters = ParameterStore(
      loading: checkpoint, weightFormat: options.weightFormat, adapters: options.adapters, onto: device,
      alignment: heap.limits.baseAddressAlignment, residency: residency, progress: { progress(.weights($0)) })
    let family = try layout.family.init(
      layout.hyperparameters, ParameterScope(parameters, layout.hyperparameters))
    try parameters.checkAllUsed()
    planner = StepPlanner(
      family: family, operators: draft.planner.operators,
      cache: try CacheViews(
        layout.cache, blockCounts: draft.memory.blockCounts, contextLength: contextLength, profile, cache: cache),
      rotations: rotations.views,
      selected: selected.buffer.view, alignment: heap.limits.baseAddressAlignment)
    shaper = StepShaper(
      profile: profile, operators: planner.operators, cache: planner.cache, contextLength: contextLength)
    blocks = CacheBlocks(library)
    feed = TokenFeed(library)
    recordsSteps = options.recordsSteps ?? library.context.device.profile.recordsSteps
    try queue.finish()
    if compilesAhead, draft.usesPrograms { try compileProgram(draft, progress) }
  }

  // MARK: Running

  /// Counts experts, and what they cost, from now on.
  package func resetExperts() { experts.reset() }

  /// Runs a batch: its keys and values are in the cache afterward.
  ///
  /// - Parameters:
  ///   - wantsLogits: the result is logits, of at most `logitRows` rows; else hidden states.
  ///   - layers: how many layers run, for hidden states behind them; nil: all.
  ///   - choices: what a sampler has chosen, row by row, on the device: each chunk is one token, and these are the tokens.
  /// - Throws: `ModelError` for ids outside the vocabulary, more tokens than `chunkSize` or the context, a sequence twice, or one of an
  ///   encoder-decoder without its source; `MemoryError` when the cache is full, `CLError`. What the batch reserved is then given back.
  package func run(
    _ batch: Batch, wantsLogits: Bool = true, layers: Int? = nil, feeding choices: BufferView? = nil
  ) throws -> StepResult {
    try check(batch)
    guard layers.map({ (0...layerCount).contains($0) && !wantsLogits }) ?? true else {
      throw ModelError(.badBatch, "hidden states behind layer \(layers ?? 0): 0 to \(layerCount) are possible")
    }
    guard choices == nil || batch.chunks.allSatisfy({ $0.tokens.count == 1 }) && !isEncoder else {
      throw ModelError(.badBatch, "chunks of several tokens: a sampler's choices are one token each")
    }
    guard !isEncoder else { return try encode(batch, layers: layers) }
    guard !takesSource || batch.chunks.allSatisfy({ $0.sequence.filledRows > 0 }) else {
      throw ModelError(.badBatch, "a batch with a sequence that has no source: \(profile.architecture) needs one")
    }
    guard !wantsLogits || batch.outputCount <= logitRows else {
      throw ModelError(.badBatch, "logits of \(batch.outputCount) rows: at most \(logitRows) at once")
    }
    do {
      var work = KVBlockWork(groups: cache.layout.groups.map { _ in KVGroupWork() })
      var reservations: [KVReservation] = []
      for chunk in batch.chunks {
        let reservation = try chunk.sequence.reserve(chunk.tokens.count)
        work.append(reservation.work)
        reservations.append(reservation)
      }
      var shaped = try shaper.shape(
        batch, part: .model, result: wantsLogits ? .logits : .hidden, tables: reservations.map(\.tables),
        rows: reservations.map(\.rows), sourceCounts: batch.chunks.map { $0.sequence.filledRows }, transient: [:])
      shaped.shape.layerCount = layers
      let result = try run(shaped, work, wanted: batch.outputCount, isLogits: wantsLogits, choices)
      for chunk in batch.chunks { try chunk.sequence.commit(chunk.tokens.count) }
      return result
    } catch {
      for chunk in batch.chunks { chunk.sequence.abandon() }
      throw error
    }
  }

  /// Reads the source of an encoder-decoder's sequence, once, before its target.
  ///
  /// - Returns: the encoder's hidden states, of all tokens.
  package func runSource(_ tokens: [Int], of sequence: KVSequence) throws -> StepResult {
    try check([], source: tokens)
    return try runSource(.init(sequence: sequence, tokens: tokens, outputs: .all))
  }

  /// Reads a source of floats (`ModelProfile.sourceFeatures`), as `runSource` does one of ids.
  package func runSource(features: [Float], of sequence: KVSequence) throws -> StepResult {
    guard let form = profile.sourceFeatures, features.count == form.tokenCount * form.columns else {
      throw ModelError(.badBatch, "a source of \(features.count) floats: \(profile.sourceText) is what the model takes")
    }
    var chunk = Batch.Chunk(sequence: sequence, tokens: Array(repeating: 0, count: form.tokenCount), outputs: .all)
    chunk.features = features
    return try runSource(chunk)
  }

  private func runSource(_ chunk: Batch.Chunk) throws -> StepResult {
    let (batch, sequence, tokens) = (Batch([chunk]), chunk.sequence, chunk.tokens)
    try check(batch, isSource: true)
    do {
      var work = KVBlockWork(groups: cache.layout.groups.map { _ in KVGroupWork() })
      var tables = sequence.tables
      for (index, group) in profile.attentionGroups.enumerated() {
        guard case .fixed = group.kind else { continue }
        let reservation = try sequence.fill(group: index, count: tokens.count)
        work.append(reservation.work)
        tables[index] = reservation.tables[index]
      }
      let transient = try transientTables([tokens.count], &work)
      let shaped = try shaper.shape(
        batch, part: .source, result: .hidden, tables: [tables], rows: [0..<tokens.count],
        sourceCounts: [tokens.count], transient: transient)
      let result = try run(shaped, work, wanted: tokens.count, isLogits: false)
      try sequence.commit(0)
      return result
    } catch {
      sequence.abandon()
      throw error
    }
  }

  /// An encoder's step: nothing is kept of it.
  private func encode(_ batch: Batch, layers: Int?) throws -> StepResult {
    let counts = batch.chunks.map(\.tokens.count)
    var work = KVBlockWork(groups: cache.layout.groups.map { _ in KVGroupWork() })
    let transient = try transientTables(counts, &work)
    var shaped = try shaper.shape(
      batch, part: .model, result: .hidden, tables: batch.chunks.map { $0.sequence.tables },
      rows: counts.map { 0..<$0 },
      sourceCounts: counts, transient: transient)
    shaped.shape.layerCount = layers
    return try run(shaped, work, wanted: batch.outputCount, isLogits: false)
  }

  private func transientTables(_ counts: [Int], _ work: inout KVBlockWork) throws -> [Int: [KVTable]] {
    var result: [Int: [KVTable]] = [:]
    for (index, group) in profile.attentionGroups.enumerated() where group.kind == .transient {
      let (tables, more) = try cache.transientTables(group: index, tokenCounts: counts)
      work.append(more)
      result[index] = tables
    }
    return result
  }

  private func run(
    _ shaped: StepShaper.Shaped, _ work: KVBlockWork, wanted: Int, isLogits: Bool, _ choices: BufferView? = nil
  ) throws -> StepResult {
    var shape = shaped.shape
    shape.watchesExperts = watchesExperts && hasExperts
    let step = try prepared(shape)
    try blocks.enqueue(work, of: cache, on: queue)
    let bytes = shaped.data.bytes(shaped.shape, step.inputs)
    guard bytes.count <= inputs.byteCount else {
      throw ModelError(.badBatch, "a batch whose inputs take \(bytes.count) bytes: \(inputs.byteCount) are planned")
    }
    try waitForEarlierSteps()
    try rotations.write(upTo: shaped.data.positions.max().map { Int($0) } ?? 0)
    try queue.enqueueWrite(bytes, to: inputs.buffer)
    if let choices {
      try feed.enqueue(
        choices, into: step.inputs.ids, rows: shaped.shape.tokenCount, vocabularySize: profile.vocabularySize, on: queue
      )
    }
    lastResult += 1
    try step.run()
    guard wanted > 0, let view = step.result, case .buffer(let buffer) = view.memory else {
      return StepResult(rowCount: 0, view: nil, isLogits: isLogits, number: lastResult)
    }
    guard !isLogits else { return StepResult(rowCount: wanted, view: view, isLogits: true, number: lastResult) }
    // Logits may be made of them piece by piece, by steps that use the arena.
    try queue.copy(
      from: buffer, to: hidden.buffer, byteCount: wanted * profile.hiddenSize * 4, fromOffset: view.byteOffset)
    return StepResult(rowCount: wanted, view: hidden.buffer.view, isLogits: false, number: lastResult)
  }

  /// Waits until the host is one step ahead of the device at most, of programs none: who cancels or joins would wait for all
  /// of them.
  private func waitForEarlierSteps() throws {
    guard queue.isBehind else { return stepEnd = nil }
    guard counters == nil else { return try queue.finish() }
    let end = try queue.mark()
    if let stepEnd { try queue.wait(for: stepEnd) }
    stepEnd = end
  }

  func prepared(_ shape: StepShape) throws -> PreparedStep {
    try steps.step(shape) {
      preparedCount += 1
      return try PreparedStep(
        shape, planner, inputs: inputs.buffer, arena: arena.buffer, library: library, heap: heap, queue: queue,
        counters: counters, isRecorded: recordsSteps, experts: experts)
    }
  }
}
