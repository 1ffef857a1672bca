import TesseraFiles
import TesseraMemory
import TesseraOperators

/// All that is decided from a checkpoint's descriptions, before anything is allocated.
struct ModelLayout {
  let hyperparameters: Hyperparameters
  let family: any ModelFamily.Type
  let profile: ModelProfile
  let parameters: ParameterStore.Plan
  let cache: KVCacheLayout
  let memory: MemoryPlan
  let contextLength: Int
  let chunkSize: Int
  let sequenceCount: Int
  private let hasAdapters: Bool
  private let hostDemand: HostMemoryDemand
  private let sharesHostMemory: Bool
  /// Places on the device for experts that stay in host memory; nil: all are on the device.
  let expertPlaces: Int?

  static let defaultContextLength = 4096
  /// Rows of logits that are computed at once: few enough that a large vocabulary's fit in 64 MiB.
  static func logitRows(_ profile: ModelProfile) -> Int {
    max(1, min(48, (64 << 20) / (max(1, profile.vocabularySize) * 4)))
  }

  /// Entries of the block tables that a step's sequences may have, together.
  var tableEntries: Int {
    let sequences = min(chunkSize, sequenceCount)
    let longest = max(contextLength, profile.sourceLength(contextLength: contextLength))
    return cache.groups.reduce(0) {
      $0 + ($1.blockCount(rows: longest) + chunkSize / $1.blockSize + 2) * sequences
    }
  }

  var inputBytes: Int {
    StepInputs.mostBytes(tokens: chunkSize, tableEntries: tableEntries, hasAdapters: hasAdapters, profile)
  }
  /// Tokens that a row may have a bias for.
  static let biasLimit = 1024
  /// Bytes for sampling `logitRows` rows together: with a mask, biases, and penalties for all that a sequence may have.
  var samplingBytes: Int {
    let (rows, vocabulary) = (Self.logitRows(profile), profile.vocabularySize)
    let rowWords = 1024 + vocabulary / 32 + 3 * min(vocabulary, Self.biasLimit)
    // Penalties list tokens of the sequences, of which no more are in the cache than it is planned for.
    let penaltyWords = 3 * min(rows * min(vocabulary, contextLength), sequenceCount * contextLength)
    return TokenSampler.workspaceBytes(rows: rows) + (rows * rowWords + penaltyWords) * 4 + (96 << 10)
  }
  var hiddenRows: Int { max(chunkSize, Self.logitRows(profile)) }
  var hiddenBytes: Int { hiddenRows * profile.hiddenSize * 4 }

  init(_ checkpoint: any Checkpoint, limits: DeviceLimits, options: ModelRunner.Options) throws {
    var c = try Hyperparameters(checkpoint)
    hasAdapters = !options.adapters.isEmpty
    // It knows how heads lie in the other kind of file.
    if hasAdapters { c.record = ExportRecord() }
    hyperparameters = c
    family = try Families.family(of: c)
    let store = ParameterStore(
      planning: checkpoint, weightFormat: options.weightFormat, adapters: options.adapters,
      alignment: limits.baseAddressAlignment, keepsExperts: options.expertMemory != nil)
    let model: any ModelFamily
    do {
      model = try family.init(c, ParameterScope(store, c))
      try store.checkAllUsed()
    } catch { throw c.explained(error) }
    try store.checkAdapters()
    try options.adapters.check(against: c, family)
    try c.checkAllUsed()
    parameters = store.plan
    profile = model.profile
    let most = TokenSampler.vocabularyLimit
    if model is any CausalLanguageModel, profile.vocabularySize > most {
      throw ModelError(
        .unsupportedFeature,
        "\(checkpoint.path): a vocabulary of \(profile.vocabularySize) tokens: at most \(most) can be sampled from")
    }
    // What an encoder takes, it takes at once.
    let isEncoder = model is any Encoder
    let trained = profile.contextLength
    let context = options.contextLength ?? min(trained, Self.defaultContextLength)
    guard (1...trained).contains(context) else {
      throw ModelError(.badBatch, "a context of \(context) tokens: the model was trained for 1 to \(trained)")
    }
    guard (1...65_536).contains(options.chunkSize), (1...65_536).contains(options.sequenceCount) else {
      throw ModelError(
        .badBatch,
        "steps of \(options.chunkSize) tokens, \(options.sequenceCount) sequences: 1 to 65536 of each are possible")
    }
    contextLength = context
    cache = try profile.cacheLayout(contextLength: context, keys: options.keys, values: options.values)
    let whole =
      isEncoder || model is any EncoderDecoder ? max(context, profile.sourceLength(contextLength: context)) : nil
    func stepTokens(_ sequences: Int) -> Int { whole ?? min(options.chunkSize, context * sequences) }
    sequenceCount =
      isEncoder
      ? options.sequenceCount
      : try cache.sequenceCount(
        within: options.cacheBytes, atMost: options.sequenceCount, contextLength: context, stepTokens: stepTokens)
    chunkSize = stepTokens(sequenceCount)
    var demand = options.hostMemory
    // Only decoders without a source generate from blocks that can be anywhere.
    if isEncoder || model is any EncoderDecoder { demand.swapBytes = 0 }
    if cache.prefixBlockSize == nil { (demand.cacheBytes, demand.keepsOnDisk) = (0, false) }
    (hostDemand, sharesHostMemory) = (demand, limits.isCPU)
    let stock = parameters.experts
    let limits = limits.limited(toAllocations: options.largestAllocation)
    expertPlaces = try options.expertMemory.map { try stock.places(budget: $0, limits: limits) }
    let places = expertPlaces ?? 0
    memory = try MemoryPlan(
      weightsBytes: parameters.totalBytes + places * stock.placeBytes,
      largestWeightBytes: max(parameters.largestBytes, places * max(stock.gateUpBytes, stock.downBytes)),
      experts: expertPlaces == nil ? nil : .init(bytes: stock.bytes, deviceBytes: places * stock.placeBytes),
      kvLayout: cache, contextLength: context, sequenceCount: sequenceCount, stepTokens: chunkSize,
      workspaceBytes: 1, stagingBytes: checkpoint.hasData ? ParameterDevice.stagingBytes(parameters) : 8 << 20)
  }

  /// The plan with the workspace that a dry run of the largest steps needs.
  func memoryPlan(arenaBytes: Int, programBytes: Int, hasLogits: Bool) throws -> MemoryPlan {
    try MemoryPlan(
      weightsBytes: memory.weightsBytes, largestWeightBytes: memory.largestWeightBytes, experts: memory.experts,
      kvLayout: cache, contextLength: contextLength, sequenceCount: sequenceCount, stepTokens: chunkSize,
      workspaceBytes: arenaBytes + programBytes + inputBytes + 2 * hiddenBytes
        + RotationTables.deviceBytes(profile, positions: contextLength)
        + (hasLogits ? samplingBytes : 0),
      workspaceBytesPerToken: RotationTables.deviceBytes(profile, positions: 1), stagingBytes: memory.stagingBytes,
      hostDemand: hostDemand, sharesHostMemory: sharesHostMemory)
  }

  /// The shapes of steps that need the most: a step of `chunkSize` tokens whose last rows, or all, are wanted, one in
  /// which as many sequences as can be get a token each, and a small one of both.
  func largestShapes(_ family: any ModelFamily, _ operators: Operators) throws -> [StepShape] {
    func shape(_ tokens: Int, singles: Int, outputs: Int, _ part: StepShape.Part, _ result: StepShape.Result) throws
      -> StepShape
    { try self.shape(tokens, singles: singles, outputs: outputs, part, result, family, operators) }
    let rows = Self.logitRows(profile)
    guard family is any CausalLanguageModel else {
      let states = try shape(chunkSize, singles: 0, outputs: chunkSize, .model, .hidden)
      return profile.classification == nil
        ? [states] : try [states, shape(rows, singles: 0, outputs: rows, .logits, .logits)]
    }
    let smaller = max(1, chunkSize / 16 * 15)
    var shapes = try [
      shape(chunkSize, singles: 0, outputs: min(rows, chunkSize), .model, .logits),
      shape(chunkSize, singles: 0, outputs: chunkSize, .model, .hidden),
      shape(smaller, singles: 0, outputs: smaller, .model, .hidden),
      shape(1, singles: 1, outputs: 1, .model, .logits),
      shape(min(chunkSize, StepShaper.splitTokens), singles: 0, outputs: 1, .model, .logits),
      shape(rows, singles: 0, outputs: rows, .logits, .logits),
    ]
    // Tokens of both kinds make the most commands.
    if chunkSize > 2 {
      try shapes.append(shape(min(chunkSize, StepShaper.splitTokens), singles: 1, outputs: 2, .model, .logits))
    }
    let singles = min(sequenceCount, chunkSize)
    if singles > 1 { try shapes.append(shape(singles, singles: singles, outputs: min(rows, singles), .model, .logits)) }
    if family is any EncoderDecoder {
      try shapes.append(shape(chunkSize, singles: 0, outputs: chunkSize, .source, .hidden))
    }
    return shapes
  }

  /// Steps of a decoder that have commands of all kinds: of one token and more, of prompts, of sequences that get a token each,
  /// and of both.
  func stepShapes(_ family: any ModelFamily, _ operators: Operators) throws -> [StepShape] {
    // Products have the same tiles at all counts of tokens between these.
    let sizes = [1, 2, 3, 5, 9, 13, 17, 33, 65, 129, 257].filter { $0 < chunkSize } + [chunkSize]
    let mostOutputs = min(chunkSize, Self.logitRows(profile))
    var shapes: [StepShape] = []
    for tokens in sizes {
      // Of these chunks are one token.
      for singles in sizes where singles <= min(tokens, mostOutputs) {
        shapes.append(try shape(tokens, singles: singles, outputs: singles, .model, .logits, family, operators))
      }
      if tokens > 1 { shapes.append(try shape(tokens, singles: 0, outputs: 1, .model, .nothing, family, operators)) }
      if tokens <= mostOutputs {
        shapes.append(try shape(tokens, singles: 0, outputs: tokens, .logits, .logits, family, operators))
      }
    }
    // With few keys, too, which are not split.
    let isSplit = { (group: StepShape.Group) in group.splits > 1 || group.singleSplits > 1 }
    return shapes
      + shapes.filter { $0.groups.contains(where: isSplit) }.map { shape in
        var shape = shape
        for index in shape.groups.indices { (shape.groups[index].singleSplits, shape.groups[index].splits) = (1, 1) }
        return shape
      }
  }

  private func shape(
    _ tokens: Int, singles: Int, outputs: Int, _ part: StepShape.Part, _ result: StepShape.Result,
    _ family: any ModelFamily, _ operators: Operators
  ) throws -> StepShape {
    var shape = StepShape(part: part, result: result, tokenCount: tokens, outputCount: outputs)
    shape.singleCount = singles
    // Also of all rows: chunks of one token come first, results in the order of the batch.
    shape.selectsOutputs = part != .logits && tokens > 1
    shape.hasTokenTypes = family is any Encoder
    shape.groups = profile.attentionGroups.map { _ in
      // Keys are split where steps are small only; a tile has a token at least.
      .init(
        tileCount: tokens - singles, singleSplits: tokens <= StepShaper.splitTokens && singles > 0 ? 2 : 1,
        splits: tokens <= StepShaper.splitTokens && tokens > singles ? 2 : 1)
    }
    if hasAdapters, part != .logits {
      shape.adapterTokens = try AdapterRows(runs: 1, rows: tokens, operators.product)
      if shape.selectsOutputs { shape.adapterOutputs = try AdapterRows(runs: 1, rows: outputs, operators.product) }
    }
    return shape
  }
}
