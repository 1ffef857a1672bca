import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// A model as it would run on a device: planned by dry runs, with no memory taken and no weights read.
public struct ModelDraft {
  /// The cost of one step, by the operators' formulas.
  public struct StepCost: Sendable, Equatable {
    public var launches: Int
    public var bytes: Int
    public var operations: Int
  }

  public let memory: MemoryPlan
  public var profile: ModelProfile { layout.profile }
  /// Bytes of weights that a generated token reads.
  public let weightBytesPerToken: Int
  let checkpoint: any Checkpoint
  let options: ModelRunner.Options
  let layout: ModelLayout
  let library: KernelLibrary
  let planner: StepPlanner
  let arenaBytes: Int

  public init(_ checkpoint: any Checkpoint, on device: Device, options: ModelRunner.Options = .init()) throws {
    (self.checkpoint, self.options) = (checkpoint, options)
    let limits = DeviceLimits(device.profile)
    layout = try ModelLayout(checkpoint, limits: limits, options: options)
    library = KernelLibrary(context: try Context(device), style: options.style)
    let operators = try Operators(
      library, limits: limits, profile: layout.profile,
      tuning: options.tuning
        ?? TuningDatabase(contentsOf: TuningDatabase.url).tuning(for: device.profile, style: library.style),
      precision: options.precision, formats: layout.parameters.formats)
    let store = ParameterStore(
      planning: checkpoint, weightFormat: options.weightFormat, alignment: limits.baseAddressAlignment)
    let family = try layout.family.init(layout.hyperparameters, ParameterScope(store, layout.hyperparameters))
    planner = StepPlanner(
      family: family, operators: operators,
      cache: try CacheViews(
        layout.cache, blockCounts: layout.memory.blockCounts, contextLength: layout.contextLength, layout.profile,
        cache: nil),
      selected: BufferView(.planned("hidden states")), alignment: limits.baseAddressAlignment)
    var (arenaBytes, commandCount) = (0, 0)
    for shape in layout.largestShapes(family, operators) {
      let plan = try planner.plan(shape, inputs: BufferView(.planned("inputs")))
      arenaBytes = max(arenaBytes, plan.arenaBytes)
      commandCount = max(commandCount, plan.commands.dispatches.count)
    }
    // Smaller steps may be packed worse: they get an eighth more than the largest ones need.
    arenaBytes += arenaBytes / 8
    self.arenaBytes = arenaBytes
    let programs =
      StepProgram.isPossible(library)
      ? PreparedSteps.limit * StepProgram.deviceBytes(commandCount: commandCount, limits: limits) : 0
    memory = try layout.memoryPlan(
      arenaBytes: arenaBytes, programBytes: programs, hasLogits: family is any CausalLanguageModel)
    weightBytesPerToken = store.plan.totalBytes - Self.unreadBytes(family)
  }

  /// Embeddings of which a token reads a row, unless they also make the logits.
  private static func unreadBytes(_ family: any ModelFamily) -> Int {
    guard let model = family as? any EmbeddingOwner, !model.isEmbeddingTied else { return 0 }
    return model.embeddingBytes
  }

  /// The cost of decoding one token behind `contextLength` others, and of a prompt of `chunkSize`.
  public func costs(promptTokens: Int? = nil) throws -> (decode: StepCost, prompt: StepCost)? {
    guard planner.family is any CausalLanguageModel else { return nil }
    func cost(_ tokens: Int) throws -> StepCost {
      var shape = StepShape(part: .model, result: .logits, tokenCount: tokens, outputCount: 1)
      shape.singleCount = tokens == 1 ? 1 : 0
      shape.selectsOutputs = tokens > 1
      shape.groups = zip(profile.attentionGroups, planner.operators.attention).map { group, operation in
        let rows = operation.tileRows(longest: tokens, headCount: group.headCount, kvHeadCount: group.kvHeadCount)
        return .init(tileCount: tokens == 1 ? 0 : (tokens + rows - 1) / rows)
      }
      let total = try planner.plan(shape, inputs: BufferView(.planned("inputs"))).commands.cost
      return StepCost(launches: total.launches, bytes: total.bytes, operations: total.operations)
    }
    return (try cost(1), try cost(min(promptTokens ?? layout.chunkSize, layout.chunkSize)))
  }

  /// The kernel variants that one decode step and one prompt chunk launch.
  public func variants() throws -> [Dispatch] {
    var seen: Set<KernelVariant> = []
    return try layout.largestShapes(planner.family, planner.operators).flatMap {
      try planner.plan($0, inputs: BufferView(.planned("inputs"))).commands.dispatches
    }.filter { seen.insert($0.variant).inserted }
  }
}

/// A family whose embedding table may be larger than what a token reads of it.
protocol EmbeddingOwner {
  var embedding: TokenEmbedding { get }
  var head: OutputHead { get }
}

extension EmbeddingOwner {
  var isEmbeddingTied: Bool {
    guard case .planned(let a) = embedding.table.view.memory, let first = head.output.parts.first,
      case .planned(let b) = first.matrix.view.memory
    else { return true }
    return a == b
  }
  var embeddingBytes: Int { embedding.table.shape.byteCount }
}

extension Llama: EmbeddingOwner {}
extension Qwen2: EmbeddingOwner {}
extension Mixtral: EmbeddingOwner {}
extension GPT2: EmbeddingOwner {}
extension Gemma3: EmbeddingOwner {}
