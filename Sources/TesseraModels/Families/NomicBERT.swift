import TesseraMemory
import TesseraOperators

/// NomicBERT (Nussbaum et al. 2024): BERT with rotary embedding and SwiGLU, without biases. Folders have it under two
/// sets of names: the one it was published with, and that of transformers.
struct NomicBERT: LayeredEncoder {
  static let ggufNames = ["nomic-bert"]
  static let huggingFaceNames = ["NomicBertModel", "NomicBertForMaskedLM"]

  let profile: ModelProfile
  let embedding: EncoderEmbedding
  let layers: [PostNormLayer]

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let model = p.has("embeddings.word_embeddings", gguf: "token_embd") ? p : p.scope("nomic_bert", gguf: "")
    let isPublished = c.isGGUF || model.has("encoder.layers.0.attn.Wqkv", gguf: nil)
    let names = EncoderSizes.Names(
      layers: "n_layer", size: "n_embd", heads: "n_head", inner: "n_inner", context: "n_positions",
      epsilon: "layer_norm_epsilon", activation: nil)
    let s = try EncoderSizes(c, names: isPublished ? names : .init(), activation: .silu)
    if isPublished { try Self.checkPublished(c) }
    let trained = try c.optionalInt("max_trained_positions", gguf: nil, in: 1...1 << 20) ?? s.positionCount
    let base =
      try c.optionalPositive("rotary_emb_base", gguf: "rope.freq_base") ?? RopeParameters.theta(c, "full_attention")
      ?? (isPublished ? 10_000 : 1_000)
    c.record?.set("rope.freq_base", base)
    c.record?.set("context_length", min(trained, s.positionCount))
    let rotation = try RotaryTable(
      rotaryDim: s.headDim, ropeTheta: base, scaling: RopeParameters.scaling(c, contextLength: s.positionCount))
    try c.require("head_dim", gguf: "attention.key_length", .int(s.headDim))
    try c.require(nil, gguf: "attention.value_length", .int(s.headDim))
    let storedSegments = c.isGGUF ? c.checkpoint.tensor(named: "token_types.weight")?.rowCount ?? 0 : nil
    let segmentCount = try c.int(
      "type_vocab_size", gguf: nil, in: (c.isGGUF ? 0 : 1)...1 << 16, default: storedSegments ?? 2)
    let embeddings = model.scope("embeddings", gguf: "")
    embedding = EncoderEmbedding(
      tokens: try embeddings.embedding(
        "word_embeddings", gguf: "token_embd", rows: s.vocabularySize, size: s.hiddenSize),
      segments: segmentCount == 0
        ? nil
        : try embeddings.addedEmbedding(
          "token_type_embeddings", gguf: "token_types", rows: segmentCount, size: s.hiddenSize),
      norm: try s.norm(model, isPublished ? "emb_ln" : "embeddings.LayerNorm", gguf: "token_embd_norm"))
    let stack = isPublished ? model.scope("encoder", gguf: "") : model
    layers = try (0..<s.layerCount).map {
      try Self.layer($0, stack.scope("layers.\($0)", gguf: "blk.\($0)"), s, isPublished)
    }
    var profile = s.profile(segmentCount: segmentCount, rotaryTables: [rotation])
    profile.contextLength = min(trained, s.positionCount)
    self.profile = profile
    // A head that was trained with, and is no part of the encoder.
    p.ignore(p.store.checkpoint.tensors.map(\.name).filter { $0.hasPrefix("cls.") })
  }

  /// Switches of the published configuration.
  private static func checkPublished(_ c: Hyperparameters) throws {
    try c.require("activation_function", "swiglu")
    try c.require("rotary_emb_fraction", 1)
    for name in [
      "rotary_emb_interleaved", "prenorm", "causal", "use_rms_norm", "parallel_block", "qkv_proj_bias", "mlp_fc1_bias",
      "mlp_fc2_bias", "scale_attn_by_inverse_layer_idx",
    ] {
      try c.require(name, false)
    }
    // Null alone is allowed.
    for name in ["rotary_emb_scale_base", "rotary_scaling_factor"] { try c.require(name) }
    try c.require("moe_every_n_layers", 0)
  }

  private static func layer(_ index: Int, _ p: ParameterScope, _ s: EncoderSizes, _ isPublished: Bool) throws
    -> PostNormLayer
  {
    let (size, inner) = (s.hiddenSize, s.intermediateSize)
    let attention = p.scope(isPublished ? "attn" : "self_attn", gguf: "")
    let mlp = p.scope("mlp", gguf: "")
    var options = s.attentionOptions(index)
    options.rotaryTable = 0
    let parts: [ParameterScope.Part] =
      isPublished
      ? [.init("Wqkv", gguf: "attn_qkv", rows: 3 * size)]
      : ["q", "k", "v"].map { .init("\($0)_proj", gguf: nil, rows: size) }
    return PostNormLayer(
      attention: Attention(
        projections: try attention.linear(parts: parts, columns: size),
        output: try attention.linear(
          isPublished ? "out_proj" : "o_proj", gguf: "attn_output", rows: size, columns: size), options: options),
      attentionNorm: try s.norm(
        p, isPublished ? "norm1" : "post_attention_layernorm", gguf: "attn_output_norm"),
      feedForward: .gated(
        GatedMLP(
          gateUp: try mlp.gatedLinear(
            gate: .init(isPublished ? "fc12" : "gate_proj", gguf: "ffn_gate", rows: inner),
            up: .init(isPublished ? "fc11" : "up_proj", gguf: "ffn_up", rows: inner), columns: size),
          down: try mlp.linear(
            isPublished ? "fc2" : "down_proj", gguf: "ffn_down", rows: size, columns: inner), activation: .silu)),
      feedForwardNorm: try s.norm(p, isPublished ? "norm2" : "post_mlp_layernorm", gguf: "layer_output_norm"))
  }

  func embed(_ step: StepBuilder) throws -> Tensor { try embedding(step) }
}
