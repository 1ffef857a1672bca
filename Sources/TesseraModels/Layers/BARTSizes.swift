import TesseraMemory
import TesseraOperators

/// The sizes of BART and its kin, and how their layers are declared.
struct BARTSizes {
  struct Stack {
    let layerCount, headCount, intermediateSize: Int

    init(_ c: Hyperparameters, _ kind: String) throws {
      layerCount = try c.int("\(kind)_layers", gguf: nil, in: 1...1024)
      headCount = try c.int("\(kind)_attention_heads", gguf: nil, in: 1...4096)
      intermediateSize = try c.int("\(kind)_ffn_dim", gguf: nil, in: 1...1 << 24)
    }
  }

  let hiddenSize, vocabularySize, contextLength: Int
  /// Tokens of a source where that is not the context (Whisper).
  let sourceLength: Int?
  /// Keys may have no bias.
  let keyBias: BiasRule
  let encoder, decoder: Stack
  let activation: Activation.Function
  let epsilon = 1e-5

  init(_ c: Hyperparameters, _ form: BARTStacks.Form) throws {
    keyBias = form.keyBias
    hiddenSize = try c.int("d_model", gguf: nil, in: 2...1 << 20)
    (encoder, decoder) = (try Stack(c, "encoder"), try Stack(c, "decoder"))
    for heads in [encoder.headCount, decoder.headCount] where !hiddenSize.isMultiple(of: heads) {
      throw c.inconsistent("\(heads) heads of \(hiddenSize) columns")
    }
    guard hiddenSize.isMultiple(of: 2) else { throw c.inconsistent("a hidden size of \(hiddenSize)") }
    contextLength = try c.int(
      c.present("max_position_embeddings", "max_target_positions"), gguf: nil, in: 1...1 << 20, default: 1024)
    sourceLength = try c.optionalInt("max_source_positions", gguf: nil, in: 1...1 << 20)
    vocabularySize = try DecoderSizes.vocabularySize(c, hiddenSize: hiddenSize)
    activation =
      try c.optionalString("activation_function", gguf: nil).map { try Activation.Function(named: $0, c) } ?? .geluErf
  }

  /// In the cache come the decoder's layers, then their cross-attentions, then the encoder's.
  func profile(_ c: Hyperparameters) throws -> ModelProfile {
    func group(_ layers: Range<Int>, _ stack: Stack, _ kind: KVKind) -> ModelProfile.AttentionGroup {
      .init(
        layers: Array(layers), headCount: stack.headCount, kvHeadCount: stack.headCount,
        headDim: hiddenSize / stack.headCount, kind: kind)
    }
    let (decoders, encoders) = (decoder.layerCount, encoder.layerCount)
    var profile = ModelProfile(
      architecture: c.architecture, layerCount: encoders + decoders, hiddenSize: hiddenSize,
      intermediateSize: decoder.intermediateSize, vocabularySize: vocabularySize, contextLength: contextLength,
      attentionGroups: [
        group(0..<decoders, decoder, .growing),
        group(decoders..<2 * decoders, decoder, .fixed(capacity: sourceLength ?? contextLength)),
        group(2 * decoders..<2 * decoders + encoders, encoder, .transient),
      ], activation: activation)
    profile.decoderStartToken = try c.int(
      c.present("decoder_start_token_id", "bos_token_id"), gguf: nil, in: 0...vocabularySize - 1)
    return profile
  }

  /// Positions that a file need not store: one table for both stacks.
  func computedPositions(_ p: ParameterScope, _ positions: BARTStacks.Form.Positions) throws -> AddedEmbedding? {
    guard case .sinusoidal(let waves, let first) = positions, !p.has("encoder.embed_positions", gguf: nil) else {
      return nil
    }
    return try p.addedEmbedding(
      of: SinusoidalPositions.table(count: contextLength, size: hiddenSize, from: first, waves), rows: contextLength,
      size: hiddenSize, named: "positions")
  }

  func stack(
    _ p: ParameterScope, _ stack: Stack, _ form: BARTStacks.Form, _ computed: AddedEmbedding?, isDecoder: Bool
  ) throws -> BARTStacks.Stack {
    if computed != nil { p.ignore(["embed_positions.weight", "embed_positions.weights"]) }
    let first = if case .learned(let first) = form.positions { first } else { 0 }
    let length = isDecoder ? contextLength : sourceLength ?? contextLength
    let positions =
      try computed
      ?? p.addedEmbedding("embed_positions", gguf: nil, rows: length + first, size: hiddenSize, from: first)
    let norm =
      switch form.norms {
      case .before: try self.norm(p, "layer_norm")
      case .behind: try self.norm(p, "layers.\(stack.layerCount - 1).final_layer_norm")
      }
    return BARTStacks.Stack(
      positions: positions, embeddingNorm: form.normalizesEmbedding ? try self.norm(p, "layernorm_embedding") : nil,
      layers: try (0..<stack.layerCount).map { index in
        let isLast = form.norms == .behind && index == stack.layerCount - 1
        return try layer(
          index, p.scope("layers.\(index)", gguf: ""), stack, form.norms, isLast: isLast, isDecoder: isDecoder)
      }, norm: norm)
  }

  private func layer(
    _ index: Int, _ p: ParameterScope, _ stack: Stack, _ norms: EncoderDecoderLayer.Norms, isLast: Bool, isDecoder: Bool
  ) throws -> EncoderDecoderLayer {
    let own = p.scope("self_attn", gguf: "")
    return EncoderDecoderLayer(
      norms: norms, attentionNorm: try norm(p, "self_attn_layer_norm"),
      attention: Attention(
        projections: try linear(own, "q_proj", "k_proj", "v_proj"), output: try linear(own, "out_proj"),
        options: options(isDecoder ? index : 2 * decoder.layerCount + index, stack)),
      cross: isDecoder ? try cross(index, p) : nil,
      feedForwardNorm: isLast ? nil : try norm(p, "final_layer_norm"),
      feedForward: .plain(
        MLP(
          up: try p.linear("fc1", gguf: nil, rows: stack.intermediateSize, columns: hiddenSize, bias: .required),
          down: try p.linear("fc2", gguf: nil, rows: hiddenSize, columns: stack.intermediateSize, bias: .required),
          activation: activation)))
  }

  private func cross(_ index: Int, _ p: ParameterScope) throws -> (Normalization, CrossAttention) {
    let cross = p.scope("encoder_attn", gguf: "")
    return (
      try norm(p, "encoder_attn_layer_norm"),
      CrossAttention(
        queries: try linear(cross, "q_proj"), keysValues: try linear(cross, "k_proj", "v_proj"),
        output: try linear(cross, "out_proj"), options: options(decoder.layerCount + index, decoder))
    )
  }

  private func options(_ layer: Int, _ stack: Stack) -> Attention.Options {
    let headDim = hiddenSize / stack.headCount
    return .init(
      headCount: stack.headCount, kvHeadCount: stack.headCount, headDim: headDim, layer: layer,
      scale: 1 / Float(headDim).squareRoot())
  }

  private func linear(_ p: ParameterScope, _ names: String...) throws -> Linear {
    try p.linear(
      parts: names.map { .init($0, gguf: nil, rows: hiddenSize) }, columns: hiddenSize,
      bias: names.contains("k_proj") ? keyBias : .required)
  }

  private func norm(_ p: ParameterScope, _ name: String) throws -> Normalization {
    try p.layerNorm(name, gguf: nil, size: hiddenSize, epsilon: epsilon)
  }
}
