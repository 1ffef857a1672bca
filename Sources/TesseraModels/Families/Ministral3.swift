import TesseraFiles
import TesseraOperators

/// Ministral 3 (Mistral AI 2025): Llama with YaRN; behind the context of the first training queries have a factor that
/// grows by its multiples (Llama 4's temperature). That context is the longest here, in which the factor is one.
struct Ministral3: StackedDecoder {
  static let ggufNames = ["mistral3"]
  static let huggingFaceNames = ["Ministral3ForCausalLM"]

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let sizes = try DecoderSizes(c, activation: .silu)
    let scaling = try RopeParameters.temperedYarn(c, contextLength: sizes.contextLength)
    let table = try RotaryTable(rotaryDim: sizes.rotaryDim, ropeTheta: sizes.ropeTheta, scaling: scaling.table)
    var profile = sizes.profile(rotaryTables: [table])
    if scaling.temperature != 0, case .yarn(_, _, _, _, let original, _) = scaling.table {
      profile.contextLength = min(profile.contextLength, original)
    }
    self.profile = profile
    let model = p.scope("model", gguf: "")
    embedding = try sizes.embedding(model)
    layers = try (0..<sizes.layerCount).map { index in
      let layer = model.scope("layers.\(index)", gguf: "blk.\(index)")
      return TransformerLayer(
        attentionNorm: try sizes.norm("input_layernorm", "attn_norm", layer),
        attention: try sizes.attention(index, layer),
        mlpNorm: try sizes.norm("post_attention_layernorm", "ffn_norm", layer),
        mlp: .gated(try sizes.gatedMLP(index, layer)))
    }
    norm = try sizes.norm("norm", "output_norm", model)
    head = try p.outputHead(tiedTo: embedding)
  }
}
