import TesseraFiles
import TesseraOperators

/// Llama 2 and 3, Mistral, SmolLM2 (Touvron et al. 2023): pre-norm, rotary embedding, grouped queries, SwiGLU.
struct Llama: ModelFamily {
  static let architectures = ["llama"]

  let head: Head
  let layers: [DecoderLayer]

  static func rotaryTables(_ c: Configuration, _ file: GGUFFile) throws -> [RotaryTable] {
    let scaling = try Configuration.ropeScaling(file, c.architecture, contextLength: c.contextLength)
    return [try RotaryTable(rotaryDim: c.rotaryDim, ropeTheta: c.ropeTheta, scaling: scaling)]
  }

  init(_ c: Configuration, _ loader: WeightLoader) throws {
    let attention = Attention.Options(
      shape: .init(headCount: c.headCount, window: c.slidingWindow, scale: 1 / Float(c.headDim).squareRoot()),
      pairing: .interleaved)
    head = try Head(c, loader)
    layers = try (0..<c.layerCount).map { layer in
      DecoderLayer(
        attentionNorm: try Norm("blk.\(layer).attn_norm.weight", size: c.embeddingSize, loader),
        attention: try Attention(layer: layer, attention, c, loader),
        mlpNorm: try Norm("blk.\(layer).ffn_norm.weight", size: c.embeddingSize, loader),
        mlp: try GatedMLP(layer: layer, .silu, c, loader))
    }
    try loader.checkAllLoaded(except: ["rope_freqs.weight"])
  }

  func forward(_ step: Step) throws {
    for (index, layer) in layers.enumerated() { try layer(step, isLast: index == layers.count - 1) }
  }
}
