import TesseraFiles
import TesseraMemory
import TesseraOperators

/// The sizes that Llama and its many kin have in common, and the parts that follow from them.
struct DecoderSizes: Sendable {
  let architecture: String
  let layerCount: Int
  let hiddenSize: Int
  let vocabularySize: Int
  let contextLength: Int
  let normEpsilon: Double
  let ropeTheta: Double
  let rotaryDim: Int
  let headDim: Int
  // For each layer.
  let headCounts: [Int]
  let kvHeadCounts: [Int]
  let intermediateSizes: [Int]
  /// Keys that a query of a sliding-window layer sees; nil where the file names none.
  let slidingWindow: Int?
  /// Whether each layer has that window, where the file tells them apart.
  let layersHaveWindow: [Bool]?
  let activation: Activation.Function
  /// Of the stored rows of queries and keys.
  let pairing: RotaryTable.Pairing

  /// - Parameters:
  ///   - activation: where the file names none.
  ///   - interleavesInGGUF: converters permute queries and keys, as they do for Llama.
  init(_ c: Hyperparameters, activation: Activation.Function, interleavesInGGUF: Bool = true) throws {
    architecture = c.architecture
    layerCount = try c.int("num_hidden_layers", gguf: "block_count", in: 1...1024)
    hiddenSize = try c.int("hidden_size", gguf: "embedding_length", in: 1...1 << 20)
    headCounts = try c.ints("num_attention_heads", gguf: "attention.head_count", count: layerCount, in: 1...4096)
    let heads = headCounts[0]
    kvHeadCounts = try c.ints(
      "num_key_value_heads", gguf: "attention.head_count_kv", count: layerCount, in: 1...4096, default: heads)
    for (heads, kvHeads) in zip(headCounts, kvHeadCounts) where !heads.isMultiple(of: kvHeads) {
      throw c.inconsistent("\(heads) heads over \(kvHeads) key-value heads")
    }
    intermediateSizes = try c.ints(
      "intermediate_size", gguf: "feed_forward_length", count: layerCount, in: 1...1 << 24)
    contextLength = try c.int("max_position_embeddings", gguf: "context_length", in: 1...1 << 30)
    normEpsilon = try c.positive("rms_norm_eps", gguf: "attention.layer_norm_rms_epsilon", under: 1, default: 1e-6)
    ropeTheta =
      try c.optionalPositive("rope_theta", gguf: "rope.freq_base")
      ?? RopeParameters.theta(c, "full_attention") ?? 10_000
    try c.require("partial_rotary_factor", 1)
    guard ropeTheta.isFinite, ropeTheta > 1 else { throw c.inconsistent("a rotary base of \(ropeTheta)") }
    c.record?.set("rope.freq_base", ropeTheta)
    headDim = try c.int("head_dim", gguf: "attention.key_length", in: 2...576, default: hiddenSize / heads)
    let valueDim = try c.optionalInt(nil, gguf: "attention.value_length", in: 1...576) ?? headDim
    guard valueDim == headDim else { throw c.inconsistent("key heads of \(headDim) and value heads of \(valueDim)") }
    rotaryDim = try c.int(nil, gguf: "rope.dimension_count", in: 2...headDim, default: headDim)
    guard rotaryDim.isMultiple(of: 2) else { throw c.inconsistent("\(rotaryDim) rotary dimensions") }
    // A window beyond the longest context hides nothing.
    let window = try c.optionalInt("sliding_window", gguf: "attention.sliding_window", in: 0...Int.max)
    let usesWindow = try c.optionalBool("use_sliding_window", gguf: nil) ?? true
    slidingWindow = usesWindow ? window.flatMap { $0 > 0 ? min($0, 1 << 30) : nil } : nil
    vocabularySize = try Self.vocabularySize(c, hiddenSize: hiddenSize)
    layersHaveWindow = try Self.layersHaveWindow(c, count: layerCount)
    let function = try c.optionalString("hidden_activation", gguf: nil) ?? c.optionalString("hidden_act", gguf: nil)
    self.activation = try function.map { try Activation.Function(named: $0, c) } ?? activation
    if interleavesInGGUF { c.record?.interleaveHeads(of: headDim) }
    pairing = c.isGGUF && interleavesInGGUF ? .interleaved : .neox
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

  /// - Parameter windows: for each layer the keys that a query sees; by default all layers have the file's window.
  func profile(rotaryTables: [RotaryTable], windows: [Int?]? = nil) -> ModelProfile {
    let windows = windows ?? Array(repeating: slidingWindow, count: layerCount)
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
  func rotaryTable(_ c: Hyperparameters) throws -> RotaryTable {
    try RotaryTable(
      rotaryDim: rotaryDim, ropeTheta: ropeTheta, scaling: RopeParameters.scaling(c, contextLength: contextLength))
  }

  // MARK: Parts

  func attention(
    _ index: Int, _ p: ParameterScope, bias: BiasRule = .none, outputBias: BiasRule? = nil, scale: Float? = nil,
    softCap: Double? = nil, rotaryTable: Int? = 0
  ) throws -> Attention {
    let attention = p.scope("self_attn", gguf: "")
    // Older folders keep each layer's rotary frequencies, which are computed.
    attention.ignore(["rotary_emb.inv_freq"])
    let options = Attention.Options(
      headCount: headCounts[index], kvHeadCount: kvHeadCounts[index], headDim: headDim, layer: index,
      scale: scale ?? 1 / Float(headDim).squareRoot(), softCap: softCap.map { Float($0) }, rotaryTable: rotaryTable,
      pairing: pairing)
    return Attention(
      projections: try attention.linear(
        parts: [
          .init("q_proj", gguf: "attn_q", rows: options.queryColumns),
          .init("k_proj", gguf: "attn_k", rows: options.keyColumns),
          .init("v_proj", gguf: "attn_v", rows: options.keyColumns),
        ], columns: hiddenSize, bias: bias),
      output: try attention.linear(
        "o_proj", gguf: "attn_output", rows: hiddenSize, columns: options.queryColumns, bias: outputBias ?? bias),
      options: options)
  }

  func gatedMLP(_ index: Int, _ p: ParameterScope, bias: BiasRule = .none) throws -> GatedMLP {
    let mlp = p.scope("mlp", gguf: "")
    let size = intermediateSizes[index]
    return GatedMLP(
      gateUp: try mlp.gatedLinear(
        gate: .init("gate_proj", gguf: "ffn_gate", rows: size), up: .init("up_proj", gguf: "ffn_up", rows: size),
        columns: hiddenSize, bias: bias),
      down: try mlp.linear("down_proj", gguf: "ffn_down", rows: hiddenSize, columns: size, bias: bias),
      activation: activation)
  }

  func embedding(_ p: ParameterScope, scale: Float = 1) throws -> TokenEmbedding {
    try p.embedding("embed_tokens", gguf: "token_embd", rows: vocabularySize, size: hiddenSize, scale: scale)
  }
}
