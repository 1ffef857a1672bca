import TesseraOperators

/// The sizes of latent attention, and the names of its tensors.
struct LatentSizes: Sendable {
  let attention: LatentAttention.Sizes
  /// Of the queries' latent vector; nil: they have none.
  let queryRank: Int?

  init(_ c: Hyperparameters, _ sizes: DecoderSizes, rotaryDim: Int) throws {
    queryRank = try c.optionalInt("q_lora_rank", gguf: "attention.q_lora_rank", in: 1...1 << 20)
    let latentDim = try c.int("kv_lora_rank", gguf: "attention.kv_lora_rank", in: 1...1 << 14)
    let plainDim =
      try c.isGGUF
      ? c.int(nil, gguf: "attention.key_length_mla", in: rotaryDim + 1...1 << 14) - rotaryDim
      : c.int("qk_nope_head_dim", gguf: nil, in: 1...1 << 14)
    attention = .init(
      headCount: sizes.headCounts[0], plainDim: plainDim, rotaryDim: rotaryDim, latentDim: latentDim,
      valueDim: try c.int("v_head_dim", gguf: "attention.value_length_mla", in: 1...1 << 14))
    // Keys and values as the cache has them.
    try c.require(nil, gguf: "attention.key_length", .int(attention.keyDim))
    try c.require(nil, gguf: "attention.value_length", .int(latentDim))
    c.record?.addInexpressible("latent attention of", latentDim)
  }

  /// All layers', whose queries share one key and value.
  func group(_ sizes: DecoderSizes) -> ModelProfile.AttentionGroup {
    .init(
      layers: Array(0..<sizes.layerCount), headCount: attention.headCount, kvHeadCount: 1, headDim: attention.keyDim,
      valueDim: attention.latentDim, sharesValues: true)
  }

  /// - Parameter scoreScale: besides 1/√(a query's size).
  func attention(
    _ index: Int, _ layer: ParameterScope, _ sizes: DecoderSizes, bias: BiasRule, scoreScale: Double
  ) throws -> LatentAttention {
    let (a, p) = (attention, layer.scope("self_attn", gguf: ""))
    let queryLatent = try queryRank.map { rank in
      LatentAttention.QueryLatent(
        down: try p.linear("q_a_proj", gguf: "attn_q_a", rows: rank, columns: sizes.hiddenSize, bias: bias),
        norm: try sizes.norm("q_a_layernorm", "attn_q_a_norm", p, size: rank))
    }
    func heads(_ gguf: String, rows: Int, columns: Int, from start: Int, isTransposed: Bool) throws -> WeightMatrix {
      try p.headMatrices(
        "kv_b_proj", gguf: gguf, heads: a.headCount, rows: rows, columns: columns, from: start,
        every: a.plainDim + a.valueDim, isTransposed: isTransposed)
    }
    return LatentAttention(
      sizes: a, queryLatent: queryLatent,
      queries: try p.linear(
        queryRank == nil ? "q_proj" : "q_b_proj", gguf: queryRank == nil ? "attn_q" : "attn_q_b",
        rows: a.headCount * a.queryDim, columns: queryRank ?? sizes.hiddenSize),
      latent: try p.linear(
        "kv_a_proj_with_mqa", gguf: "attn_kv_a_mqa", rows: a.keyDim, columns: sizes.hiddenSize, bias: bias),
      latentNorm: try sizes.norm("kv_a_layernorm", "attn_kv_a_norm", p, size: a.latentDim),
      keyUp: try heads("attn_k_b", rows: a.latentDim, columns: a.plainDim, from: 0, isTransposed: true),
      valueUp: try heads("attn_v_b", rows: a.valueDim, columns: a.latentDim, from: a.plainDim, isTransposed: false),
      output: try p.linear(
        "o_proj", gguf: "attn_output", rows: sizes.hiddenSize, columns: a.headCount * a.valueDim, bias: bias),
      layer: index, scale: Float(scoreScale / Double(a.queryDim).squareRoot()), pairing: sizes.pairing)
  }
}
