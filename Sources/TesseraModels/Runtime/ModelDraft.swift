import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// A model as it would run on a device: planned by dry runs, with no memory taken and no weights read.
package struct ModelDraft {
  /// The cost of one step, by the operators' formulas.
  package struct StepCost: Sendable, Equatable {
    package var launches: Int
    package var bytes: Int
    package var operations: Int
  }

  package let memory: MemoryPlan
  package var profile: ModelProfile { layout.profile }
  /// Of the model's matrices, as they will lie on the device.
  package var formats: Set<WeightFormat> { layout.parameters.formats }
  /// How kernels use the device.
  package var style: KernelStyle { library.style }
  /// Bytes of weights that a generated token reads; 0 for an encoder, which generates none.
  package let weightBytesPerToken: Int
  let checkpoint: any Checkpoint
  let options: ModelRunner.Options
  let layout: ModelLayout
  let library: KernelLibrary
  let planner: StepPlanner
  /// Whether steps are programs of few launches.
  let usesPrograms: Bool
  let arenaBytes: Int
  /// Commands of a step, at most.
  let commandCount: Int

  /// - Parameter library: kernels of the device in the style of the options; nil makes its own.
  package init(
    _ checkpoint: any Checkpoint, on device: Device, options: ModelRunner.Options = .init(),
    library shared: KernelLibrary? = nil
  ) throws {
    (self.checkpoint, self.options) = (checkpoint, options)
    let limits = DeviceLimits(device)
    layout = try ModelLayout(checkpoint, limits: limits, options: options)
    let library = try shared ?? KernelLibrary(context: Context(device), style: options.style)
    (self.library, usesPrograms) = (library, options.usesPrograms && StepProgram.isPossible(library))
    let operators = try Operators(
      library, usesPrograms: usesPrograms, limits: limits, profile: layout.profile,
      tuning: options.tuning
        ?? TuningDatabase(contentsOf: TuningDatabase.url).tuning(for: device.profile, style: library.style),
      precision: options.precision, formats: layout.parameters.formats)
    let store = ParameterStore(
      planning: checkpoint, weightFormat: options.weightFormat, adapters: options.adapters,
      alignment: limits.baseAddressAlignment, keepsExperts: options.expertMemory != nil)
    let family = try layout.family.init(layout.hyperparameters, ParameterScope(store, layout.hyperparameters))
    planner = StepPlanner(
      family: family, operators: operators,
      cache: try CacheViews(
        layout.cache, blockCounts: layout.memory.blockCounts, contextLength: layout.contextLength, layout.profile,
        cache: nil),
      rotations: layout.profile.rotaryTables.map { _ in BufferView(.planned("rotations")) },
      selected: BufferView(.planned("hidden states")), alignment: limits.baseAddressAlignment)
    var (arenaBytes, commandCount) = (0, 0)
    for shape in try layout.largestShapes(family, operators) {
      let plan = try planner.plan(shape, inputs: BufferView(.planned("inputs")))
      arenaBytes = max(arenaBytes, plan.arenaBytes)
      commandCount = max(commandCount, plan.commands.dispatches.count)
    }
    // Smaller steps may be packed worse: they get an eighth more than the largest ones need.
    arenaBytes += arenaBytes / 8
    (self.arenaBytes, self.commandCount) = (arenaBytes, commandCount)
    let programs =
      usesPrograms
      ? PreparedSteps.limit * StepProgram.deviceBytes(commandCount: commandCount)
        + StepCounters.deviceBytes(commandCount: commandCount, limits: limits) : 0
    memory = try layout.memoryPlan(
      arenaBytes: arenaBytes, programBytes: programs, hasLogits: family is any CausalLanguageModel
    ).takingSwap(limits: limits, budgetBytes: options.memoryBudget)
    weightBytesPerToken =
      family is any CausalLanguageModel ? try Self.commands(tokens: 1, planner).cost.weightBytes : 0
  }

  /// The cost of decoding one token behind `contextLength` others, and of a prompt of `chunkSize`, each with the greedy
  /// choice of a token; the prompt also clears the blocks that it fills.
  package func costs(promptTokens: Int? = nil) throws -> (decode: StepCost, prompt: StepCost)? {
    guard planner.family is any CausalLanguageModel else { return nil }
    func cost(_ tokens: Int) throws -> StepCost {
      let commands = try Self.commands(tokens: tokens, planner)
      try sample(SamplingRow(), on: commands)
      // A token more seldom begins a block.
      if tokens > 1 { try clear(tokens, on: commands) }
      return StepCost(
        launches: commands.dispatches.count, bytes: commands.cost.bytes, operations: commands.cost.operations)
    }
    return (try cost(1), try cost(min(promptTokens ?? layout.chunkSize, layout.chunkSize)))
  }

  /// A step of so many tokens of one sequence, of which the last one's logits are wanted.
  private static func commands(tokens: Int, _ planner: StepPlanner) throws -> DispatchList {
    var shape = StepShape(part: .model, result: .logits, tokenCount: tokens, outputCount: 1)
    shape.singleCount = tokens == 1 ? 1 : 0
    shape.selectsOutputs = tokens > 1
    shape.groups = zip(planner.profile.attentionGroups, planner.operators.attention).map { group, operation in
      let rows = operation.tileRows(longest: tokens, headCount: group.headCount, kvHeadCount: group.kvHeadCount)
      return .init(tileCount: tokens == 1 ? 0 : (tokens + rows - 1) / rows)
    }
    return try planner.plan(shape, inputs: BufferView(.planned("inputs"))).commands
  }

  /// The kernel variants that one decode step and one prompt chunk launch, and those that draw a token.
  package func variants() throws -> [Dispatch] {
    var seen: Set<KernelVariant> = []
    let steps = try layout.largestShapes(planner.family, planner.operators).flatMap {
      try planner.plan($0, inputs: BufferView(.planned("inputs"))).commands.dispatches
    }
    return (steps + (try variantsBesideSteps())).filter { seen.insert($0.variant).inserted }
  }

  /// Those that draw a token, and clear a block.
  func variantsBesideSteps() throws -> [Dispatch] {
    let others = DispatchList()
    guard planner.family is any CausalLanguageModel else { return [] }
    var row = SamplingRow()
    (row.temperature, row.topP) = (1, 0.9)
    try sample(row, on: others)
    try clear(1, on: others)
    // Programs are not fed: the host knows their tokens.
    if !usesPrograms {
      let memory = BufferView(.planned("sampling"))
      try TokenFeed(library).enqueue(memory, into: memory, rows: 1, vocabularySize: profile.vocabularySize, on: others)
    }
    return others.dispatches
  }

  private func sample(_ row: SamplingRow, on sink: DispatchList) throws {
    let memory = BufferView(.planned("sampling"))
    try TokenSampler(library).enqueue(
      SamplingRequest([row], vocabularySize: profile.vocabularySize), logits: memory, inputs: memory, workspace: memory,
      results: memory, on: sink)
  }

  /// The blocks that a prompt of `tokens` fills are cleared.
  private func clear(_ tokens: Int, on sink: DispatchList) throws {
    for (group, count) in zip(layout.cache.groups, layout.memory.blockCounts) {
      switch group.kind {
      case .growing, .window:
        try CacheBlocks(library).enqueueClearing(
          group.blockCount(rows: tokens), planning: group, blockCount: count, on: sink)
      case .fixed, .transient: break
      }
    }
  }
}
