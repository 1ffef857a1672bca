import TesseraOperators

/// GLM-4 (GLM Team 2024): gate and up in one tensor, half of each head turns, neighbors together; GLM-4-0414 has norms
/// before and after each block.
struct GLM4: StackedDecoder {
  static let ggufNames = ["glm4"]
  static let huggingFaceNames = ["GlmForCausalLM", "Glm4ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    var names = DecoderNames()
    names.gateUp = "gate_up_proj"
    let sizes = try DecoderSizes(
      c, activation: .silu, names, epsilon: 1.5625e-7, rotation: .share(0.5), pairing: .interleaved,
      interleavesInGGUF: false)
    let bias = try c.bias("attention_bias", default: true)
    let hasPostNorms = c.architecture != "GlmForCausalLM"
    profile = sizes.profile(rotaryTables: [try sizes.rotaryTable(c)])
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      func postNorm(_ name: String, _ gguf: String) throws -> Normalization? {
        hasPostNorms ? try sizes.norm(name, gguf, layer) : nil
      }
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer, bias: bias, outputBias: BiasRule.none),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)),
        attentionPostNorm: try postNorm("post_self_attn_layernorm", "post_attention_norm"),
        mlpPostNorm: try postNorm("post_mlp_layernorm", "post_ffw_norm"))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }

  static func ggufName(of huggingFaceName: String) -> String? { huggingFaceName == "GlmForCausalLM" ? nil : "glm4" }
}
