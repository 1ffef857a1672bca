import TesseraMemory
import TesseraOperators

/// A step's commands, and where its tensors lie in the arena: made without a device.
struct StepPlan {
  let commands: DispatchList
  /// Byte offsets of the tensors, by id.
  let offsets: [Int: Int]
  let arenaBytes: Int
  /// The tensor that the step ends with.
  let result: Tensor?
}

/// Makes the commands of steps of any shape; tensors whose lifetimes do not overlap share the arena's bytes.
struct StepPlanner: Sendable {
  let family: any ModelFamily
  let operators: Operators
  let cache: CacheViews
  /// By rotary table, of all positions.
  let rotations: [BufferView]
  /// The rows of hidden states that the logits' part reads.
  let selected: BufferView
  let alignment: Int

  var profile: ModelProfile { family.profile }

  func plan(_ shape: StepShape, inputs: BufferView) throws -> StepPlan {
    let builder = StepBuilder(
      shape, operators: operators,
      inputs: StepInputs(shape, profile, in: inputs.memory, at: inputs.byteOffset), cache: cache,
      rotations: rotations, profile: profile)
    let result = try run(builder)
    let lifetimes = try builder.sink.lifetimes()
    var requests: [ArenaPlan.Request] = []
    for (id, bytes) in builder.tensorBytes.enumerated() {
      guard var lifetime = lifetimes[id] else { continue }
      // The result is read after the last command.
      if case .tensor(id)? = result?.view.memory { lifetime = lifetime.lowerBound...builder.sink.dispatches.count }
      requests.append(.init("\(id)", byteCount: bytes, lifetime: lifetime))
    }
    let arena = try ArenaPlan(requests, alignment: alignment)
    let offsets = Dictionary(uniqueKeysWithValues: arena.slots.map { (Int($0.key) ?? 0, $0.value.offset) })
    return StepPlan(commands: builder.sink, offsets: offsets, arenaBytes: arena.byteCount, result: result)
  }

  /// The result: hidden states or logits of the rows that are wanted; nil where none are.
  private func run(_ step: StepBuilder) throws -> Tensor? {
    if step.shape.part == .logits {
      let rows = Tensor(view: selected, rows: step.shape.outputCount, columns: profile.hiddenSize)
      if let classifier = (family as? any Encoder)?.classifier { return try classifier(rows, step) }
      guard let model = family as? any CausalLanguageModel else { throw ModelError.noLogits(profile) }
      return try model.logits(rows, step)
    }
    let hidden: Tensor
    switch (step.shape.part, family) {
    case (.source, let model as any EncoderDecoder): hidden = try model.encode(step)
    case (_, let model as any CausalLanguageModel): hidden = try model.hidden(step)
    case (_, let model as any Encoder): hidden = try model.hidden(step)
    default: throw ModelError.noLogits(profile)
    }
    switch step.shape.result {
    case .nothing: return nil
    case .hidden: return hidden
    case .logits:
      guard let model = family as? any CausalLanguageModel else { throw ModelError.noLogits(profile) }
      return try model.logits(hidden, step)
    }
  }
}

extension ModelError {
  package static func noLogits(_ profile: ModelProfile) -> ModelError {
    ModelError(
      .unsupportedFeature,
      "\(profile.architecture) is an encoder, which has no logits: `tessera embed` and `tessera hidden` use it")
  }
}
