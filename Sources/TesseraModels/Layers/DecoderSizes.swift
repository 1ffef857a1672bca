import TesseraFiles
import TesseraMemory
import TesseraOperators

/// The sizes that Llama and its many kin have in common, and the names of its parts (`DecoderSizes+Parts`).
struct DecoderSizes: Sendable {
  /// The dimensions of a head that turn.
  enum Rotation: Sendable {
    case none
    case whole
    /// The first ones, a share of the head: as the file says, or as given here.
    case share(Double)
    /// The first ones, as many as a key of `config.json` says.
    case count(String)
  }

  let names: DecoderNames
  let architecture: String
  let layerCount: Int
  let hiddenSize: Int
  let vocabularySize: Int
  let contextLength: Int
  let normKind: Normalization.Kind
  let normEpsilon: Double
  let ropeTheta: Double
  let rotaryDim: Int
  let isPartlyRotary: Bool
  let headDim: Int
  // For each layer.
  let headCounts: [Int]
  let kvHeadCounts: [Int]
  let intermediateSizes: [Int]
  /// Keys that a query of a sliding-window layer sees; nil where the file names none.
  let slidingWindow: Int?
  /// Whether each layer has that window, where the file tells them apart.
  let layersHaveWindow: [Bool]?
  var activation: Activation.Function
  /// Of the stored rows of queries and keys.
  let pairing: RotaryTable.Pairing

  /// - Parameters:
  ///   - activation: where the file names none.
  ///   - norm: LayerNorm's ε has another key than RMSNorm's in GGUF files.
  ///   - epsilon: where `config.json` names none.
  ///   - hasLayerNormKey: that key is there, although the norm is not LayerNorm.
  ///   - kvHeads: where the file names none; as many as heads by default.
  ///   - mlpRatio: MLPs' width in hidden sizes, where the file names none.
  ///   - context: where the file names none.
  ///   - latentRotary: the dimensions that turn of heads whose sizes are the family's own (latent attention).
  ///   - pairing: of a folder's rows, and of GGUF files' unless `interleavesInGGUF`.
  ///   - interleavesInGGUF: converters permute queries and keys, as they do for Llama.
  init(
    _ c: Hyperparameters, activation: Activation.Function, _ names: DecoderNames = .init(),
    norm: Normalization.Kind = .rms, epsilon: Double = 1e-6, hasLayerNormKey: Bool = false, kvHeads: Int? = nil,
    mlpRatio: Int? = nil, context: Int? = nil, rotation: Rotation = .whole, latentRotary: Int? = nil,
    pairing: RotaryTable.Pairing = .neox, interleavesInGGUF: Bool = true
  ) throws {
    self.names = names
    architecture = c.architecture
    layerCount = try c.int(names.layerCount, gguf: "block_count", in: 1...1024)
    let hiddenSize = try c.int(names.hiddenSize, gguf: "embedding_length", in: 1...1 << 20)
    self.hiddenSize = hiddenSize
    headCounts = try c.ints(names.headCount, gguf: "attention.head_count", count: layerCount, in: 1...4096)
    let heads = headCounts[0]
    kvHeadCounts = try c.ints(
      names.kvHeadCount, gguf: "attention.head_count_kv", count: layerCount, in: 1...4096, default: kvHeads ?? heads)
    for (heads, kvHeads) in zip(headCounts, kvHeadCounts) where !heads.isMultiple(of: kvHeads) {
      throw c.inconsistent("\(heads) heads over \(kvHeads) key-value heads")
    }
    intermediateSizes = try c.ints(
      names.intermediateSize, gguf: "feed_forward_length", count: layerCount, in: 1...1 << 24,
      default: mlpRatio.map { $0 * hiddenSize })
    contextLength = try c.int(
      names.contextLength, gguf: "context_length", in: 1...1 << 30, default: c.isGGUF ? nil : context)
    normKind = norm
    let epsilonKey = "attention.layer_norm_\(norm == .rms && !hasLayerNormKey ? "rms_" : "")epsilon"
    normEpsilon = try c.positive(names.normEpsilon, gguf: epsilonKey, under: 1, default: epsilon)
    headDim =
      try latentRotary ?? c.int("head_dim", gguf: "attention.key_length", in: 2...576, default: hiddenSize / heads)
    let valueDim =
      try latentRotary ?? c.optionalInt(nil, gguf: "attention.value_length", in: 1...576) ?? headDim
    guard valueDim == headDim else { throw c.inconsistent("key heads of \(headDim) and value heads of \(valueDim)") }
    (ropeTheta, rotaryDim) = try Self.rotation(rotation, headDim: headDim, names, c)
    if case .whole = rotation { isPartlyRotary = false } else { isPartlyRotary = true }
    // A window beyond the longest context hides nothing.
    let window = try c.optionalInt("sliding_window", gguf: "attention.sliding_window", in: 0...Int.max)
    let usesWindow = try c.optionalBool("use_sliding_window", gguf: nil) ?? true
    slidingWindow = usesWindow ? window.flatMap { $0 > 0 ? min($0, 1 << 30) : nil } : nil
    vocabularySize = try Self.vocabularySize(c, hiddenSize: hiddenSize)
    layersHaveWindow = try Self.layersHaveWindow(c, count: layerCount)
    let function =
      try c.optionalString("hidden_activation", gguf: nil) ?? c.optionalString(names.activation, gguf: nil)
    self.activation = try function.map { try Activation.Function(named: $0, c) } ?? activation
    if interleavesInGGUF { c.record?.interleaveHeads(of: headDim) }
    self.pairing = c.isGGUF && interleavesInGGUF ? .interleaved : pairing
  }

  /// The base of the rotation, and how many dimensions of a head turn.
  private static func rotation(_ rotation: Rotation, headDim: Int, _ names: DecoderNames, _ c: Hyperparameters) throws
    -> (theta: Double, dimensions: Int)
  {
    if case .none = rotation { return (1, 0) }
    let theta =
      try c.optionalPositive(names.ropeTheta, gguf: "rope.freq_base")
      ?? RopeParameters.theta(c, "full_attention") ?? 10_000
    guard theta.isFinite, theta > 1 else { throw c.inconsistent("a rotary base of \(theta)") }
    c.record?.set("rope.freq_base", theta)
    var dimensions = headDim
    switch rotation {
    case .none, .whole: try c.require("partial_rotary_factor", 1)
    case .count(let name): dimensions = try c.int(name, gguf: nil, in: 2...headDim, default: headDim)
    case .share(let usual):
      let share = try c.optionalPositive(names.rotaryShare, gguf: nil) ?? RopeParameters.share(c) ?? usual
      guard share <= 1 else { throw c.inconsistent("\(share) of a head's dimensions turn") }
      dimensions = Int(Double(headDim) * share)
    }
    dimensions = try c.int(nil, gguf: "rope.dimension_count", in: 2...headDim, default: dimensions)
    guard dimensions.isMultiple(of: 2) else { throw c.inconsistent("\(dimensions) rotary dimensions") }
    return (theta, dimensions)
  }

  private static func layersHaveWindow(_ c: Hyperparameters, count: Int) throws -> [Bool]? {
    guard case .huggingFace(let config) = c.source, let types = try config.optionalStrings("layer_types") else {
      return nil
    }
    guard types.count == count else { throw c.inconsistent("layer_types has \(types.count) of \(count) layers") }
    if let other = types.first(where: { $0 != "full_attention" && $0 != "sliding_attention" }) {
      throw ModelError(.unsupportedFeature, "\(c.checkpoint.path): layers of type \"\(other)\" are not supported")
    }
    return types.map { $0 == "sliding_attention" }
  }

  /// Rows of the embedding: in GGUF the tensor says it.
  static func vocabularySize(_ c: Hyperparameters, hiddenSize: Int) throws -> Int {
    guard c.isGGUF else { return try c.int("vocab_size", gguf: nil, in: 1...1 << 24) }
    let embedding = try c.checkpoint.requiredTensor(named: "token_embd.weight")
    guard embedding.shape.count == 2, embedding.columnCount == hiddenSize, (1...1 << 24).contains(embedding.rowCount)
    else {
      throw c.inconsistent("token_embd.weight has the shape \(embedding.shape), its rows should be \(hiddenSize) long")
    }
    return embedding.rowCount
  }

  // MARK: Profile

  /// For each layer the keys that a query sees, where every `pattern`-th layer sees all unless the file says which do.
  func windows(pattern: Int) -> [Int?] {
    let isLocal = layersHaveWindow ?? (0..<layerCount).map { $0 % pattern != pattern - 1 }
    return isLocal.map { $0 ? slidingWindow : nil }
  }

  /// Windows of Qwen's files: where they are used at all, the first layers have none.
  func laterWindows(_ c: Hyperparameters) throws -> [Int?] {
    let firstLocal = try c.int("max_window_layers", gguf: nil, in: 0...1024, default: 0)
    let usesWindow = try c.optionalBool("use_sliding_window", gguf: nil) ?? c.isGGUF
    return (0..<layerCount).map { usesWindow && layersHaveWindow?[$0] ?? ($0 >= firstLocal) ? slidingWindow : nil }
  }

  /// - Parameter windows: for each layer the keys that a query sees; by default all layers have the file's window, or
  ///   those that it names.
  func profile(rotaryTables: [RotaryTable], windows: [Int?]? = nil) -> ModelProfile {
    let windows = windows ?? (0..<layerCount).map { layersHaveWindow?[$0] ?? true ? slidingWindow : nil }
    var groups: [ModelProfile.AttentionGroup] = []
    for layer in 0..<layerCount {
      let kind: KVKind = windows[layer].map { .window($0, sinks: 0) } ?? .growing
      let index = groups.firstIndex {
        $0.headCount == headCounts[layer] && $0.kvHeadCount == kvHeadCounts[layer] && $0.kind == kind
      }
      if let index {
        groups[index].layers.append(layer)
      } else {
        groups.append(
          .init(
            layers: [layer], headCount: headCounts[layer], kvHeadCount: kvHeadCounts[layer], headDim: headDim,
            kind: kind)
        )
      }
    }
    return ModelProfile(
      architecture: architecture, layerCount: layerCount, hiddenSize: hiddenSize,
      intermediateSize: intermediateSizes[0], vocabularySize: vocabularySize, contextLength: contextLength,
      attentionGroups: groups, rotaryTables: rotaryTables, activation: activation)
  }

  /// The rotary embedding with the scaling that the file asks for.
  ///
  /// - Parameter truncatesInGGUF: what YaRN does in GGUF files, which do not say.
  func rotaryTable(_ c: Hyperparameters, truncatesInGGUF: Bool = true) throws -> RotaryTable {
    try RotaryTable(
      rotaryDim: rotaryDim, ropeTheta: ropeTheta,
      scaling: RopeParameters.scaling(
        c, contextLength: contextLength, isPart: isPartlyRotary, truncatesInGGUF: truncatesInGGUF))
  }
}
