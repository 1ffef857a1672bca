import TesseraMemory
import TesseraOperators

/// The sizes of a T5, and how its layers are declared.
struct T5Sizes {
  let hiddenSize, intermediateSize, headCount, headDim, vocabularySize: Int
  let encoderLayers, decoderLayers: Int
  let bucketCount, maxDistance: Int
  let epsilon: Double
  let isGated: Bool
  let activation: Activation.Function
  let profile: ModelProfile

  init(_ c: Hyperparameters) throws {
    hiddenSize = try c.int("d_model", gguf: "embedding_length", in: 1...1 << 20)
    intermediateSize = try c.int("d_ff", gguf: "feed_forward_length", in: 1...1 << 24)
    headCount = try c.int("num_heads", gguf: "attention.head_count", in: 1...4096)
    headDim = try c.int("d_kv", gguf: "attention.key_length", in: 1...576)
    encoderLayers = try c.int("num_layers", gguf: "block_count", in: 1...1024)
    decoderLayers = try c.int("num_decoder_layers", gguf: "decoder_block_count", in: 1...1024, default: encoderLayers)
    bucketCount = try c.int(
      "relative_attention_num_buckets", gguf: "attention.relative_buckets_count", in: 4...1 << 16,
      default: c.isGGUF ? nil : 32)
    maxDistance = try c.int("relative_attention_max_distance", gguf: nil, in: 2...1 << 16, default: 128)
    // Biases are spread out over distances, which a few heads and buckets must not make large.
    guard maxDistance > bucketCount / 2, headCount * maxDistance <= 1 << 22 else {
      throw c.inconsistent("\(bucketCount) buckets of distances up to \(maxDistance)")
    }
    try c.require(nil, gguf: "attention.value_length", .int(headDim))
    // The same number under LayerNorm's name.
    c.ignore(["attention.layer_norm_epsilon"])
    epsilon = try c.positive("layer_norm_epsilon", gguf: "attention.layer_norm_rms_epsilon", under: 1, default: 1e-6)
    let decoderStartToken = try c.int(
      "decoder_start_token_id", gguf: "decoder_start_token_id", in: 0...1 << 24, default: 0)
    vocabularySize = try DecoderSizes.vocabularySize(c, hiddenSize: hiddenSize)
    let kind = try c.optionalString("feed_forward_proj", gguf: nil)
    isGated =
      kind?.hasPrefix("gated-") ?? (c.checkpoint.tensor(named: "enc.blk.0.ffn_gate.weight") != nil)
    switch kind ?? (isGated ? "gated-gelu" : "relu") {
    // What files call gated GELU is its tanh form.
    case "gated-gelu": activation = .geluTanh
    case let name:
      activation = try Activation.Function(named: name.hasPrefix("gated-") ? String(name.dropFirst(6)) : name, c)
    }
    let context = try c.int("n_positions", gguf: "context_length", in: 1...1 << 24, default: c.isGGUF ? nil : 512)
    let (heads, size, decoders, encoders) = (headCount, headDim, decoderLayers, encoderLayers)
    func group(_ layers: Range<Int>, _ kind: KVKind) -> ModelProfile.AttentionGroup {
      .init(layers: Array(layers), headCount: heads, kvHeadCount: heads, headDim: size, kind: kind)
    }
    var profile = ModelProfile(
      architecture: c.architecture, layerCount: encoderLayers + decoderLayers, hiddenSize: hiddenSize,
      intermediateSize: intermediateSize, vocabularySize: vocabularySize, contextLength: context,
      attentionGroups: [
        group(0..<decoders, .growing), group(decoders..<2 * decoders, .fixed(capacity: context)),
        group(2 * decoders..<2 * decoders + encoders, .transient),
      ], activation: activation)
    profile.decoderStartToken = decoderStartToken
    self.profile = profile
  }

  /// The layers of one of the two stacks; in the cache come the decoder's, then their cross-attentions, then the
  /// encoder's.
  func layers(_ p: ParameterScope, isDecoder: Bool) throws -> [EncoderDecoderLayer] {
    let bias = try relativeBias(p, 0, isDecoder: isDecoder)
    let hasOwnBiases = p.has(Self.bias(of: 1).name, gguf: Self.bias(of: 1).gguf)
    return try (0..<(isDecoder ? decoderLayers : encoderLayers)).map { index in
      let block = p.scope("block.\(index)", gguf: "blk.\(index)")
      func norm(_ layer: Int, _ gguf: String) throws -> Normalization {
        try block.rmsNorm("layer.\(layer).layer_norm", gguf: gguf, size: hiddenSize, epsilon: epsilon)
      }
      func options(_ layer: Int) -> Attention.Options {
        .init(headCount: headCount, kvHeadCount: headCount, headDim: headDim, layer: layer, scale: 1)
      }
      let own = block.scope("layer.0.SelfAttention", gguf: "")
      let columns = headCount * headDim
      var attention = Attention(
        projections: try own.linear(
          parts: [
            .init("q", gguf: "attn_q", rows: columns), .init("k", gguf: "attn_k", rows: columns),
            .init("v", gguf: "attn_v", rows: columns),
          ], columns: hiddenSize),
        output: try own.linear("o", gguf: "attn_o", rows: hiddenSize, columns: columns),
        options: options(isDecoder ? index : 2 * decoderLayers + index))
      attention.extras.bias =
        hasOwnBiases && index > 0 ? try relativeBias(p, index, isDecoder: isDecoder) : bias
      return EncoderDecoderLayer(
        attentionNorm: try norm(0, "attn_norm"), attention: attention,
        cross: isDecoder ? (try norm(1, "cross_attn_norm"), try cross(block, options(decoderLayers + index))) : nil,
        feedForwardNorm: try norm(isDecoder ? 2 : 1, "ffn_norm"),
        feedForward: try feedForward(block.scope("layer.\(isDecoder ? 2 : 1).DenseReluDense", gguf: "")))
    }
  }

  private func cross(_ block: ParameterScope, _ options: Attention.Options) throws -> CrossAttention {
    let cross = block.scope("layer.1.EncDecAttention", gguf: "")
    let columns = options.queryColumns
    return CrossAttention(
      queries: try cross.linear("q", gguf: "cross_attn_q", rows: columns, columns: hiddenSize),
      keysValues: try cross.linear(
        parts: [.init("k", gguf: "cross_attn_k", rows: columns), .init("v", gguf: "cross_attn_v", rows: columns)],
        columns: hiddenSize),
      output: try cross.linear("o", gguf: "cross_attn_o", rows: hiddenSize, columns: columns), options: options)
  }

  private func feedForward(_ p: ParameterScope) throws -> FeedForward {
    let down = try p.linear("wo", gguf: "ffn_down", rows: hiddenSize, columns: intermediateSize)
    guard isGated else {
      return .plain(
        MLP(
          up: try p.linear("wi", gguf: "ffn_up", rows: intermediateSize, columns: hiddenSize), down: down,
          activation: activation))
    }
    return .gated(
      GatedMLP(
        gateUp: try p.gatedLinear(
          gate: .init("wi_0", gguf: "ffn_gate", rows: intermediateSize),
          up: .init("wi_1", gguf: "ffn_up", rows: intermediateSize), columns: hiddenSize), down: down,
        activation: activation))
  }

  private static func bias(of layer: Int) -> (name: String, gguf: String) {
    ("block.\(layer).layer.0.SelfAttention.relative_attention_bias", "blk.\(layer).attn_rel_b")
  }

  /// The biases of a layer, spread out over distances: all layers have the first one's, or each its own (UMT5).
  private func relativeBias(_ p: ParameterScope, _ layer: Int, isDecoder: Bool) throws -> FlashAttention.Bias {
    let buckets = RelativeBuckets(count: bucketCount, maxDistance: maxDistance, isCausal: isDecoder)
    let (name, gguf) = Self.bias(of: layer)
    let weights = try p.values(name, gguf: gguf, shape: [bucketCount, headCount])
    return .init(
      table: try p.vector(
        of: buckets.table(weights, headCount: headCount),
        named: isDecoder ? "the decoder's biases" : "the encoder's biases"), reach: maxDistance)
  }
}
