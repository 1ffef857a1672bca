import TesseraFiles
import TesseraOperators

/// A Llama, or a Mixtral, of random weights, which are made on the device: for measuring speed where no file is at hand. What it writes
/// is gibberish.
///
/// Sizes are those of the models' own `config.json`. Their scaling of the rotary embedding is left out: it costs nothing.
package struct RandomModel: Sendable, Equatable {
  package var name: String
  package var layerCount: Int
  package var hiddenSize: Int
  package var intermediateSize: Int
  package var headCount: Int
  package var kvHeadCount: Int
  /// Experts in the place of each layer's MLP, as wide as that, and how many a token has; none: 0.
  package var expertCount = 0
  package var topK = 0
  /// Whether token embeddings also make the logits.
  package var isTied = false
  package var vocabularySize = 128_256
  package var contextLength = 131_072
  package var ropeTheta = 500_000.0
  /// The format of every matrix.
  package var format = WeightFormat.q4_K
  /// The same seed gives the same weights.
  package var seed: UInt32 = 0

  /// Llama 3.2 1B.
  package static let llama1B = RandomModel(
    name: "llama-1b", layerCount: 16, hiddenSize: 2048, intermediateSize: 8192, headCount: 32, kvHeadCount: 8,
    isTied: true)
  /// Llama 3.1 8B.
  package static let llama8B = RandomModel(
    name: "llama-8b", layerCount: 32, hiddenSize: 4096, intermediateSize: 14_336, headCount: 32, kvHeadCount: 8)
  /// Llama 3.1 70B.
  package static let llama70B = RandomModel(
    name: "llama-70b", layerCount: 80, hiddenSize: 8192, intermediateSize: 28_672, headCount: 64, kvHeadCount: 8)
  /// Mixtral 8×7B with half the widths and half the layers.
  package static let mixtralSmall = {
    var model = RandomModel(
      name: "mixtral-small", layerCount: 16, hiddenSize: 2048, intermediateSize: 7168, headCount: 16, kvHeadCount: 4)
    (model.vocabularySize, model.contextLength, model.ropeTheta) = (32_000, 32_768, 1_000_000)
    (model.expertCount, model.topK) = (8, 2)
    return model
  }()
  /// Without experts, of as many bytes as that one reads for a token.
  package static let mixtralSmallDense = {
    var model = mixtralSmall
    model.name = "mixtral-small-dense"
    model.intermediateSize *= model.topK
    (model.expertCount, model.topK) = (0, 0)
    return model
  }()
  package static let all = [llama1B, llama8B, llama70B, mixtralSmall, mixtralSmallDense]

  package init(
    name: String, layerCount: Int, hiddenSize: Int, intermediateSize: Int, headCount: Int, kvHeadCount: Int,
    isTied: Bool = false
  ) {
    self.name = name
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.isTied = isTied
  }

  /// A checkpoint of the model, without its weights' bytes.
  ///
  /// - Throws: `FileError` for sizes that the format cannot hold, `ModelError` for counts that are not positive.
  package func checkpoint() throws -> DescribedCheckpoint {
    guard let type = format.ggmlType else {
      throw ModelError(.unsupportedFeature, "\(name): \(format.name) is no type of a GGUF file")
    }
    guard expertCount == 0 ? topK == 0 : (1...expertCount).contains(topK) else {
      throw ModelError(.inconsistent, "\(name): \(topK) of \(expertCount) experts")
    }
    guard (1...1024).contains(layerCount), headCount > 0, kvHeadCount > 0, hiddenSize >= headCount else {
      throw ModelError(.inconsistent, "\(name): \(layerCount) layers of \(headCount)/\(kvHeadCount) heads")
    }
    let headDim = hiddenSize / headCount
    var tensors: [StoredTensor] = []
    func matrix(_ name: String, rows: Int, columns: Int, experts: Int = 0) throws {
      let shape = (experts > 0 ? [experts] : []) + [rows, columns]
      tensors.append(try StoredTensor("\(name).weight", type, shape, of: self.name))
    }
    func norm(_ name: String) throws {
      tensors.append(try StoredTensor("\(name).weight", .f32, [hiddenSize], of: self.name))
    }
    try matrix("token_embd", rows: vocabularySize, columns: hiddenSize)
    try norm("output_norm")
    if !isTied { try matrix("output", rows: vocabularySize, columns: hiddenSize) }
    for layer in 0..<layerCount {
      let prefix = "blk.\(layer)."
      try norm("\(prefix)attn_norm")
      try matrix("\(prefix)attn_q", rows: headCount * headDim, columns: hiddenSize)
      try matrix("\(prefix)attn_k", rows: kvHeadCount * headDim, columns: hiddenSize)
      try matrix("\(prefix)attn_v", rows: kvHeadCount * headDim, columns: hiddenSize)
      try matrix("\(prefix)attn_output", rows: hiddenSize, columns: headCount * headDim)
      try norm("\(prefix)ffn_norm")
      let kind = expertCount > 0 ? "_exps" : ""
      try matrix("\(prefix)ffn_gate\(kind)", rows: intermediateSize, columns: hiddenSize, experts: expertCount)
      try matrix("\(prefix)ffn_up\(kind)", rows: intermediateSize, columns: hiddenSize, experts: expertCount)
      try matrix("\(prefix)ffn_down\(kind)", rows: hiddenSize, columns: intermediateSize, experts: expertCount)
      if expertCount > 0 {
        tensors.append(
          try StoredTensor("\(prefix)ffn_gate_inp.weight", .f32, [expertCount, hiddenSize], of: self.name))
      }
    }
    let experts: [String: MetadataValue] =
      expertCount == 0
      ? [:] : ["llama.expert_count": .int64(Int64(expertCount)), "llama.expert_used_count": .int64(Int64(topK))]
    return try DescribedCheckpoint(
      name: "\(name) \(format.name), \(layerCount) layers of random weights",
      metadata: experts.merging([
        "general.architecture": .string("llama"),
        "llama.block_count": .int64(Int64(layerCount)),
        "llama.embedding_length": .int64(Int64(hiddenSize)),
        "llama.feed_forward_length": .int64(Int64(intermediateSize)),
        "llama.attention.head_count": .int64(Int64(headCount)),
        "llama.attention.head_count_kv": .int64(Int64(kvHeadCount)),
        "llama.attention.layer_norm_rms_epsilon": .float32(1e-5),
        "llama.context_length": .int64(Int64(contextLength)),
        "llama.rope.freq_base": .float64(ropeTheta),
      ]) { own, _ in own },
      tensors: tensors)
  }
}
