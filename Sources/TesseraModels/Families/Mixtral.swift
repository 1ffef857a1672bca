import TesseraOperators

/// Mixtral (Jiang et al. 2024): Llama whose MLPs are a mixture of experts.
struct Mixtral: StackedDecoder {
  static let ggufNames = ["llama"]
  static let huggingFaceNames = ["MixtralForCausalLM"]

  struct Layer: DecoderLayer {
    let attentionNorm: Normalization
    let attention: Attention
    let expertsNorm: Normalization
    let experts: Experts

    func attend(_ x: Tensor, _ step: StepBuilder) throws -> (x: Tensor, attended: Tensor) {
      (x, try attention(attentionNorm.input(x, step), step))
    }

    func finish(_ x: Tensor, _ attended: Tensor, _ step: StepBuilder) throws -> Tensor {
      let x = try attention.output(attended, adding: x, step)
      return try experts(expertsNorm(x, step), adding: x, step)
    }
  }

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [Layer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu)
    let count = try c.int("num_local_experts", gguf: "expert_count", in: 1...1024)
    try c.require(nil, gguf: "expert_feed_forward_length", .int(sizes.intermediateSizes[0]))
    let topK = try c.int("num_experts_per_tok", gguf: "expert_used_count", in: 1...count)
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      let mixture = layer.scope("block_sparse_moe", gguf: "")
      let size = sizes.intermediateSizes[index]
      func experts(_ name: String, _ gguf: String, rows: Int) -> [ParameterScope.Part] {
        (0..<count).map { .init("experts.\($0).\(name)", gguf: gguf, rows: rows) }
      }
      func norm(_ name: String, _ gguf: String) throws -> Normalization {
        try layer.rmsNorm(name, gguf: gguf, size: sizes.hiddenSize, epsilon: sizes.normEpsilon)
      }
      return Layer(
        attentionNorm: try norm("input_layernorm", "attn_norm"), attention: try sizes.attention(index, layer),
        expertsNorm: try norm("post_attention_layernorm", "ffn_norm"),
        experts: Experts(
          router: try mixture.linear("gate", gguf: "ffn_gate_inp", rows: count, columns: sizes.hiddenSize),
          matrices: try mixture.experts(
            count: count, gate: experts("w1", "ffn_gate_exps", rows: size),
            up: experts("w3", "ffn_up_exps", rows: size),
            down: experts("w2", "ffn_down_exps", rows: sizes.hiddenSize), hiddenSize: sizes.hiddenSize, size: size),
          topK: topK, activation: sizes.activation))
    }
    norm = try model.rmsNorm("norm", gguf: "output_norm", size: sizes.hiddenSize, epsilon: sizes.normEpsilon)
    head = try p.outputHead(tiedTo: embedding)
  }
}
