import TesseraMemory
import TesseraOperators

/// The sizes that BERT and its kin have in common, and the layers that follow from them.
struct EncoderSizes: Sendable {
  /// What `config.json` calls them.
  struct Names {
    var layers = "num_hidden_layers"
    var size = "hidden_size"
    var heads = "num_attention_heads"
    var inner = "intermediate_size"
    var context = "max_position_embeddings"
    var epsilon: String? = "layer_norm_eps"
    /// nil: it is not the configuration's to choose.
    var activation: String? = "hidden_act"
    var ggufActivation: String?
  }

  let architecture: String
  let layerCount: Int
  let hiddenSize: Int
  let headCount: Int
  let intermediateSize: Int
  /// Positions that the file has; of a folder some may stand before the first token's.
  let positionCount: Int
  let epsilon: Double
  let activation: Activation.Function
  let vocabularySize: Int

  /// - Parameters:
  ///   - embeddingSize: columns of the embedding, where they are not the hidden size.
  ///   - epsilon: where a folder names none.
  ///   - activation: where the file names none.
  init(
    _ c: Hyperparameters, names: Names = Names(), embeddingSize: Int? = nil, epsilon: Double = 1e-12,
    activation: Activation.Function = .geluErf
  ) throws {
    architecture = c.architecture
    layerCount = try c.int(names.layers, gguf: "block_count", in: 1...1024)
    let size = try c.int(names.size, gguf: "embedding_length", in: 1...1 << 20)
    let heads = try c.int(names.heads, gguf: "attention.head_count", in: 1...size)
    guard size.isMultiple(of: heads) else { throw c.inconsistent("\(heads) heads of \(size) columns") }
    intermediateSize = try c.int(names.inner, gguf: "feed_forward_length", in: 1...1 << 24)
    positionCount = try c.int(names.context, gguf: "context_length", in: 1...1 << 20)
    self.epsilon = try c.positive(
      names.epsilon, gguf: "attention.layer_norm_epsilon", under: 1, default: epsilon)
    self.activation =
      try c.optionalString(names.activation, gguf: names.ggufActivation).map { try Activation.Function(named: $0, c) }
      ?? activation
    try c.require("is_decoder", gguf: "attention.causal", false)
    try c.require("add_cross_attention", false)
    vocabularySize = try DecoderSizes.vocabularySize(c, hiddenSize: embeddingSize ?? size)
    (hiddenSize, headCount) = (size, heads)
  }

  var headDim: Int { hiddenSize / headCount }

  /// - Parameters:
  ///   - positionsBefore: positions before the first token's, as RoBERTa has them.
  ///   - reaches: for each layer how far from a query the keys lie that it sees, nil: any.
  func profile(
    positionsBefore: Int = 0, segmentCount: Int = 0, rotaryTables: [RotaryTable] = [], reaches: [Int?]? = nil,
    classifier: ClassifierHead? = nil
  ) -> ModelProfile {
    let reaches = reaches ?? Array(repeating: nil, count: layerCount)
    var groups: [ModelProfile.AttentionGroup] = []
    for (layer, reach) in reaches.enumerated() {
      if let index = groups.firstIndex(where: { $0.reach == reach }) {
        groups[index].layers.append(layer)
      } else {
        var group = ModelProfile.AttentionGroup(
          layers: [layer], headCount: headCount, kvHeadCount: headCount, headDim: headDim, kind: .transient)
        group.reach = reach
        groups.append(group)
      }
    }
    var profile = ModelProfile(
      architecture: architecture, layerCount: layerCount, hiddenSize: hiddenSize, intermediateSize: intermediateSize,
      vocabularySize: vocabularySize, contextLength: positionCount - positionsBefore, attentionGroups: groups,
      rotaryTables: rotaryTables, activation: activation)
    profile.segmentCount = segmentCount
    profile.classification = classifier?.classification
    return profile
  }

  func attentionOptions(_ layer: Int) -> Attention.Options {
    .init(
      headCount: headCount, kvHeadCount: headCount, headDim: headDim, layer: layer,
      scale: 1 / Float(headDim).squareRoot())
  }

  /// Names of a layer's parts; those in GGUF files are the same for all.
  struct LayerNames {
    var query = "attention.self.query"
    var key = "attention.self.key"
    var value = "attention.self.value"
    var output = "attention.output.dense"
    var attentionNorm = "attention.output.LayerNorm"
    var up = "intermediate.dense"
    var down = "output.dense"
    var mlpNorm = "output.LayerNorm"
  }

  /// A layer with biases everywhere, as BERT's.
  func layer(_ index: Int, _ p: ParameterScope, _ names: LayerNames = LayerNames()) throws -> PostNormLayer {
    PostNormLayer(
      attention: Attention(
        projections: try p.linear(
          parts: [
            .init(names.query, gguf: "attn_q", rows: hiddenSize), .init(names.key, gguf: "attn_k", rows: hiddenSize),
            .init(names.value, gguf: "attn_v", rows: hiddenSize),
          ], columns: hiddenSize, bias: .required),
        output: try p.linear(
          names.output, gguf: "attn_output", rows: hiddenSize, columns: hiddenSize, bias: .required),
        options: attentionOptions(index)),
      attentionNorm: try norm(p, names.attentionNorm, gguf: "attn_output_norm"),
      feedForward: .plain(
        MLP(
          up: try p.linear(names.up, gguf: "ffn_up", rows: intermediateSize, columns: hiddenSize, bias: .required),
          down: try p.linear(
            names.down, gguf: "ffn_down", rows: hiddenSize, columns: intermediateSize, bias: .required),
          activation: activation)),
      feedForwardNorm: try norm(p, names.mlpNorm, gguf: "layer_output_norm"))
  }

  func norm(_ p: ParameterScope, _ name: String, gguf: String?, size: Int? = nil, bias: BiasRule = .required) throws
    -> Normalization
  {
    try p.layerNorm(name, gguf: gguf, size: size ?? hiddenSize, epsilon: epsilon, bias: bias)
  }
}
