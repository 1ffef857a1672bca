import TesseraFiles
import TesseraOperators

/// Gemma 3 (Gemma Team 2025): norms before and after each block, QK-norm, GeGLU, tied embeddings scaled by √size; every
/// sixth layer attends over all keys, the others over a sliding window and with a rotary base of their own.
struct Gemma3: ModelFamily {
  static let architectures = ["gemma3"]

  let head: Head
  let layers: [DecoderLayer]

  private static let localRopeTheta = 10_000.0
  private static func isGlobal(layer: Int) -> Bool { layer % 6 == 5 }

  static func rotaryTables(_ c: Configuration, _ file: GGUFFile) throws -> [RotaryTable] {
    let scaling = try Configuration.ropeScaling(file, c.architecture, contextLength: c.contextLength)
    return [
      try RotaryTable(rotaryDim: c.rotaryDim, ropeTheta: c.ropeTheta, scaling: scaling),
      try RotaryTable(rotaryDim: c.rotaryDim, ropeTheta: localRopeTheta),
    ]
  }

  init(_ c: Configuration, _ loader: WeightLoader) throws {
    guard let window = c.slidingWindow else {
      throw ModelError(.inconsistent, "\(loader.file.mappedFile.path): gemma3.attention.sliding_window is missing")
    }
    // The 27B model, alone in having 62 layers, scales by the size that its heads would have if they shared the embedding.
    let scaledDim = c.layerCount == 62 ? c.embeddingSize / c.headCount : c.headDim
    head = try Head(c, loader, embeddingFactor: Float(c.embeddingSize).squareRoot())
    layers = try (0..<c.layerCount).map { layer in
      func norm(_ name: String) throws -> Norm {
        try Norm("blk.\(layer).\(name).weight", size: c.embeddingSize, loader)
      }
      let isGlobal = Self.isGlobal(layer: layer)
      let attention = Attention.Options(
        shape: .init(
          headCount: c.headCount, window: isGlobal ? nil : window, scale: 1 / Float(scaledDim).squareRoot()),
        pairing: .neox, rotaryTable: isGlobal ? 0 : 1, hasQKNorm: true)
      return DecoderLayer(
        attentionNorm: try norm("attn_norm"), attention: try Attention(layer: layer, attention, c, loader),
        attentionPostNorm: try norm("post_attention_norm"), mlpNorm: try norm("ffn_norm"),
        mlp: try GatedMLP(layer: layer, .gelu, c, loader), mlpPostNorm: try norm("post_ffw_norm"))
    }
    try loader.checkAllLoaded(except: [])
  }

  func forward(_ step: Step) throws {
    for (index, layer) in layers.enumerated() { try layer(step, isLast: index == layers.count - 1) }
  }
}
