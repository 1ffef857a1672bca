import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// A model on a device: its weights, its cache and its workspace.
///
/// Not Sendable, and its calls wait for the device: keep it where blocking is allowed.
public final class Transformer {
  /// What a model takes of a device.
  public struct Options: Sendable {
    /// Tokens that a sequence may hold; nil takes the model's, at most 4,096.
    public var contextLength: Int?
    /// Sequences that may be full at once.
    public var sequenceCount = 1
    /// The most tokens that one step takes.
    public var chunkSize = 512
    public var cacheElement = KVCacheLayout.ElementType.f32
    /// Device memory that may be used, in bytes; nil leaves the device a margin.
    public var memoryBudget: Int?
    /// nil takes what suits the device.
    public var style: KernelStyle?
    /// Tiles that were measured to be fast; nil takes what the database has for the device.
    public var tuning: Tuning?
    /// `.fast` where it is faster: see `Transformer.precision`.
    public var precision = Precision.exact

    public init() {}
  }

  public let configuration: Configuration
  public let plan: MemoryPlan
  public let contextLength: Int
  public let chunkSize: Int
  public let heap: DeviceHeap
  public let cache: KVCache
  /// What products compute with: `.exact` also where `.fast` was asked for and is not faster on the device with weights of
  /// the model's types.
  public let precision: Precision

  private let family: any ModelFamily
  private let rotaryTables: [RotaryTable]
  private let operators: Operators
  private let candidates: Candidates
  private let arena: StepArena
  private let workspace: Workspace
  private let queue: Queue

  /// For steps of one token, which are all alike, and of many; empty where a step cannot be a program.
  private var programs: [StepProgram] = []
  /// How a program of one token splits keys.
  private var recordedSplits = 1
  /// `workspace.logits` holds those of the last batch, of one token.
  private var hasLogits = false

  /// Plans the memory, refuses what does not fit, and brings the weights to the device.
  ///
  /// - Parameter progress: told the share of the weights that are loaded, 0 to 1.
  /// - Throws: `FileError`, `ModelError`, `MemoryError`, `OperatorError`, `CLError`.
  public init(
    _ file: GGUFFile, on device: Device, options: Options = Options(), progress: @escaping (Double) -> Void = { _ in }
  ) throws {
    let layout = try Layout(file, limits: DeviceLimits(device.profile), options: options)
    try layout.memory.check(limits: DeviceLimits(device.profile), budgetBytes: options.memoryBudget)
    let context = try Context(device)
    heap = try DeviceHeap(context, budgetBytes: options.memoryBudget)
    queue = try Queue(context)
    let style = options.style ?? KernelStyle(for: device.profile)
    let tiles = try TilePlan(
      limits: heap.limits, headDim: layout.configuration.headDim, style: style,
      tuning: options.tuning ?? TuningDatabase(contentsOf: TuningDatabase.url).tuning(for: device.profile, style: style)
    )
    let library = KernelLibrary(context: context, style: tiles.style)
    var fast = options.precision == .fast ? try FastProduct(library, tiles: tiles.matrix) : nil
    let formats = Set(file.tensors.compactMap { WeightFormat(rawValue: $0.type.rawValue) })
    if let product = fast, !formats.contains(where: product.serves) { fast = nil }
    precision = fast == nil ? .exact : .fast
    operators = Operators(library, tiles: tiles, fast: fast)
    candidates = Candidates(library)
    configuration = layout.configuration
    plan = layout.memory
    contextLength = layout.memory.contextLength
    chunkSize = layout.chunkSize
    rotaryTables = layout.rotaryTables
    arena = try StepArena(layout.arena, on: heap)
    workspace = try Workspace(arena)
    cache = try KVCache(layout.cache, blockCounts: layout.memory.blockCounts, on: heap)
    let loader = try WeightLoader(file, library: library, heap: heap, queue: queue, progress: progress)
    family = try layout.family.init(layout.configuration, loader)
    if let weights = loader.wholeBuffer, let pools = cache.wholeBuffer {
      programs = workspace.programs.compactMap {
        StepProgram(
          library, limits: heap.limits, arena: workspace.hidden, weights: weights, cache: pools, memory: $0,
          commandCount: Workspace.programCommands(configuration), queue: queue)
      }
    }
    try queue.finish()
  }

  /// The memory plan of a file on a device, without loading or allocating anything.
  public static func plan(_ file: GGUFFile, limits: DeviceLimits, options: Options = Options()) throws -> MemoryPlan {
    try Layout(file, limits: limits, options: options).memory
  }

  /// Bytes of weights that a generated token reads.
  public static func weightBytesPerToken(_ file: GGUFFile) throws -> Int { try WeightLoader.bytesPerToken(file) }

  /// Runs a batch: its keys and values are in the cache afterwards, the hidden states that it wants ready for `logits`.
  ///
  /// - Throws: `ModelError` for ids outside the vocabulary or more tokens than `chunkSize`, `MemoryError` when the cache
  ///   is full, `CLError`. What the batch reserved is then given back.
  public func forward(_ batch: Batch) throws {
    guard (1...chunkSize).contains(batch.tokenCount) else {
      throw ModelError(.badBatch, "a batch of \(batch.tokenCount) tokens: 1 to \(chunkSize) fit a step")
    }
    do {
      let step = try Step(
        batch, configuration: configuration, operators: operators, workspace: workspace, cache: cache,
        rotaryTables: rotaryTables, queue: queue)
      try family.head.embed(step)
      hasLogits = false
      if let program = try program(like: step) {
        try program.run()
        hasLogits = step.tokenCount == 1
      } else {
        try family.forward(step)
      }
      for piece in batch.pieces { try piece.sequence.commit(piece.tokens.count) }
    } catch {
      for piece in batch.pieces { piece.sequence.abandon() }
      throw error
    }
  }

  /// The step as a program, with the logits if it is of one token; nil where there can be none.
  private func program(like step: Step) throws -> StepProgram? {
    guard let one = programs.first, let many = programs.last else { return nil }
    let program = step.tokenCount == 1 ? one : many
    if step.tokenCount == 1 {
      let splits = step.split?.count ?? 1
      if program.isFinished, splits == recordedSplits { return program }
      recordedSplits = splits
    }
    program.clear()
    do {
      var step = step
      step.target = program
      try family.forward(step)
      if step.tokenCount == 1 {
        try family.head.logits(of: workspace.hidden, rows: 1, configuration, operators, workspace, on: program)
      }
      try program.finish()
      return program
    } catch let error as OperatorError where error.code == .unrecordable {
      return nil
    }
  }

  /// The most rows that `logits` takes at once.
  public var logitRows: Int { Workspace.logitRows(configuration) }

  /// Enqueues the logits of rows of the last batch.
  ///
  /// - Parameter rows: of those that the batch wanted, in its order; at most `logitRows`.
  private func enqueueLogits(rows: Range<Int>) throws {
    guard (1...logitRows).contains(rows.count), rows.lowerBound >= 0, rows.upperBound <= chunkSize else {
      throw ModelError(.badBatch, "logits of rows \(rows): at most \(logitRows) at once")
    }
    // A recorded step has ended with them.
    if hasLogits, rows == 0..<1 { return }
    let rowBytes = configuration.embeddingSize * 4
    try queue.copy(
      from: workspace.hidden, to: workspace.selected, byteCount: rows.count * rowBytes,
      fromOffset: rows.lowerBound * rowBytes)
    hasLogits = false
    try family.head.logits(
      of: workspace.selected, rows: rows.count, configuration, operators, workspace, on: queue)
  }

  /// Logits, (rows, vocabularyCount), of rows of the last batch; waits for the device.
  public func logits(rows: Range<Int>) throws -> [Float] {
    try enqueueLogits(rows: rows)
    return try queue.read(workspace.logits, as: Float.self, count: rows.count * configuration.vocabularyCount)
  }

  /// The likeliest tokens after one row of the last batch, in falling order; waits for the device.
  ///
  /// - Parameters:
  ///   - keep: how many; more than `Candidates.limit` gives every token.
  ///   - penalised: token ids, each once, whose logits `penalty` lowers; at most 4,096.
  public func candidates(
    row: Int, keep: Int, penalised: [Int] = [], penalty: Float = 1
  ) throws -> [Candidates.Candidate] {
    try enqueueLogits(rows: row..<row + 1)
    let ids = penalised.suffix(Workspace.penaltyWindow).map { UInt32(truncatingIfNeeded: $0) }
    if !ids.isEmpty, penalty != 1 {
      hasLogits = false
      try queue.write(ids, to: workspace.penalised)
      try candidates.penalise(workspace.logits, ids: workspace.penalised, count: ids.count, penalty: penalty, on: queue)
    }
    let vocabulary = configuration.vocabularyCount
    guard keep <= Candidates.limit else {
      let logits = try queue.read(workspace.logits, as: Float.self, count: vocabulary)
      return logits.enumerated().filter { $1.isFinite }.map { Candidates.Candidate(id: $0, logit: $1) }
        .sorted { $0.logit > $1.logit || ($0.logit == $1.logit && $0.id < $1.id) }
    }
    try candidates.enqueue(
      workspace.logits, values: workspace.candidateValues, ids: workspace.candidateIDs, rows: 1,
      vocabulary: vocabulary, keep: keep, on: queue)
    return try candidates.read(
      values: workspace.candidateValues, ids: workspace.candidateIDs, rows: 1, keep: keep, from: queue)[0]
  }

  /// Time that calls have waited for the device; the rest of a step's time is the host's own.
  public var timeWaited: Duration { queue.timeWaited }

  /// Kernels that were launched so far.
  public var launchCount: Int { queue.launchCount }

  /// Waits until the device has done all work.
  public func finish() throws { try queue.finish() }
}
