import TesseraJSON
import TesseraOperators

/// MPT (MosaicML 2023): ALiBi instead of positions, LayerNorm, a plain MLP, no biases.
struct MPT: StackedDecoder {
  static let ggufNames = ["mpt"]
  static let huggingFaceNames = ["MPTForCausalLM", "MptForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    (names.layerCount, names.hiddenSize, names.headCount, names.kvHeadCount) = ("n_layers", "d_model", "n_heads", nil)
    (names.contextLength, names.normEpsilon) = ("max_seq_len", "layer_norm_epsilon")
    (names.attention, names.output) = ("attn", "out_proj")
    names.fused = .init(name: "Wqkv", order: .whole)
    (names.intermediateSize, names.mlp) = (nil, "ffn")
    let ratio = try c.int("expansion_ratio", gguf: nil, in: 1...64, default: 4)
    let sizes = try DecoderSizes(
      c, activation: .geluErf, names, norm: .layer, epsilon: 1e-5, mlpRatio: ratio, rotation: .none,
      interleavesInGGUF: false)
    let most = try Self.mostBias(c)
    profile = sizes.profile(rotaryTables: [])
    let slopes = try p.vector(of: ALiBi.slopes(headCount: sizes.headCounts[0], most: most), named: "ALiBi's slopes")
    let model = p.scope("transformer", gguf: "")
    embedding = try sizes.embedding(model, named: "wte")
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("blocks.\(index)", gguf: "blk.\(index)")
      var attention = try sizes.attention(index, layer, rotaryTable: nil)
      attention.extras.slopes = slopes
      return TransformerLayer(
        attentionNorm: try sizes.norm("norm_1", "attn_norm", layer, bias: BiasRule.none), attention: attention,
        mlpNorm: try sizes.norm("norm_2", "ffn_norm", layer, bias: BiasRule.none),
        mlp: .plain(try sizes.plainMLP(index, layer)))
    }
    norm = try sizes.norm("norm_f", "output_norm", model, bias: BiasRule.none)
    head = try p.outputHead(tiedTo: embedding)
  }

  /// The largest slope's exponent; throws for the variants that are other models.
  private static func mostBias(_ c: Hyperparameters) throws -> Double {
    try c.require("no_bias", true)
    try c.require("logit_scale", .null)
    try c.require("norm_type", "low_precision_layernorm", "layernorm")
    try c.require(nil, gguf: "attention.clamp_kqv", 0)
    guard case .huggingFace(let config) = c.source else {
      return try c.positive(nil, gguf: "attention.max_alibi_bias")
    }
    guard let attention = try config.optionalFields("attn_config") else { return 8 }
    let required: [(String, JSONValue)] = [
      ("alibi", true), ("attn_type", "multihead_attention"), ("clip_qkv", .null), ("prefix_lm", false),
      ("qk_ln", false), ("softmax_scale", .null), ("attn_uses_sequence_id", false),
    ]
    for (key, value) in required {
      if let found = attention[key], found != value, !found.isNull {
        throw ModelError(
          .unsupportedFeature, "\(c.checkpoint.path): config.json's attn_config has another \(key): use another model")
      }
    }
    let most = try attention.optionalDouble("alibi_bias_max") ?? 8
    guard most > 0, most <= 64 else { throw c.inconsistent("an alibi_bias_max of \(most)") }
    c.record?.set("attention.max_alibi_bias", most)
    return most
  }
}
