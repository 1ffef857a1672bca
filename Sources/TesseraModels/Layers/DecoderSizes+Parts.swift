import TesseraOperators

/// The parts of decoders whose sizes are known, declared under a family's names.
extension DecoderSizes {
  /// - Parameters:
  ///   - outputBias: where it is not as those of queries, keys and values.
  ///   - scale: of the scores, 1/√headDim by default.
  ///   - rotaryTable: nil where heads do not turn.
  func attention(
    _ index: Int, _ p: ParameterScope, bias: BiasRule = .none, outputBias: BiasRule? = nil, scale: Float? = nil,
    softCap: Double? = nil, rotaryTable: Int? = 0
  ) throws -> Attention {
    let attention = p.scope(names.attention, gguf: "")
    // Older folders keep each layer's rotary frequencies, which are computed.
    attention.ignore(["rotary_emb.inv_freq"])
    let options = Attention.Options(
      headCount: headCounts[index], kvHeadCount: kvHeadCounts[index], headDim: headDim, layer: index,
      scale: scale ?? 1 / Float(headDim).squareRoot(), softCap: softCap.map { Float($0) }, rotaryTable: rotaryTable,
      pairing: pairing)
    return Attention(
      projections: try attention.linear(
        parts: projections(options, isGGUF: p.hyperparameters.isGGUF), columns: hiddenSize, bias: bias),
      output: try attention.linear(
        names.output, gguf: "attn_output", rows: hiddenSize, columns: options.queryColumns, bias: outputBias ?? bias),
      options: options)
  }

  private func projections(_ options: Attention.Options, isGGUF: Bool) -> [ParameterScope.Part] {
    if let fused = names.fused {
      if isGGUF, fused.isFusedInGGUF {
        return [.init(nil, gguf: "attn_qkv", rows: options.queryColumns + 2 * options.keyColumns)]
      }
      if !isGGUF {
        return fused.parts(headCount: options.headCount, kvHeadCount: options.kvHeadCount, headDim: headDim)
      }
    }
    return [
      .init(names.queries, gguf: "attn_q", rows: options.queryColumns),
      .init(names.keys, gguf: "attn_k", rows: options.keyColumns),
      .init(names.values, gguf: "attn_v", rows: options.keyColumns),
    ]
  }

  func gatedMLP(_ index: Int, _ p: ParameterScope, bias: BiasRule = .none) throws -> GatedMLP {
    try gatedMLP(size: intermediateSizes[index], p.scope(names.mlp, gguf: ""), bias: bias)
  }

  /// - Parameter kind: of the MLP, at the end of GGUF's names.
  func gatedMLP(size: Int, _ mlp: ParameterScope, kind: String = "", bias: BiasRule = .none) throws -> GatedMLP {
    var gate = ParameterScope.Part(names.gate, gguf: "ffn_gate\(kind)", rows: size)
    var up = ParameterScope.Part(names.up, gguf: "ffn_up\(kind)", rows: size)
    if let fused = names.gateUp, names.isGateUpFusedInGGUF || !mlp.hyperparameters.isGGUF {
      let name = names.isGateUpFusedInGGUF ? "ffn_up" : "ffn_gate"
      gate = .init(fused, gguf: "\(name)\(kind)", rows: size, at: (0, 2 * size))
      up = .init(fused, gguf: "ffn_up\(kind)", rows: size, at: (size, 2 * size))
    }
    return GatedMLP(
      gateUp: try mlp.gatedLinear(gate: gate, up: up, columns: hiddenSize, bias: bias),
      down: try mlp.linear(names.down, gguf: "ffn_down\(kind)", rows: hiddenSize, columns: size, bias: bias),
      activation: activation)
  }

  func plainMLP(_ index: Int, _ p: ParameterScope, bias: BiasRule = .none) throws -> MLP {
    let mlp = p.scope(names.mlp, gguf: "")
    let size = intermediateSizes[index]
    return MLP(
      up: try mlp.linear(names.up, gguf: "ffn_up", rows: size, columns: hiddenSize, bias: bias),
      down: try mlp.linear(names.down, gguf: "ffn_down", rows: hiddenSize, columns: size, bias: bias),
      activation: activation)
  }

  /// A norm of the family's kind.
  ///
  /// - Parameters:
  ///   - size: of a row, the hidden size by default.
  ///   - offset: added to the weights of a folder.
  func norm(
    _ name: String?, _ gguf: String?, _ p: ParameterScope, size: Int? = nil, bias: BiasRule = .required,
    offset: Float = 0
  ) throws -> Normalization {
    switch normKind {
    case .rms:
      try p.rmsNorm(name, gguf: gguf, size: size ?? hiddenSize, epsilon: normEpsilon, offset: offset)
    case .layer:
      try p.layerNorm(name, gguf: gguf, size: size ?? hiddenSize, epsilon: normEpsilon, bias: bias, offset: offset)
    }
  }

  func embedding(_ p: ParameterScope, named name: String = "embed_tokens", scale: Float = 1) throws -> TokenEmbedding {
    try p.embedding(name, gguf: "token_embd", rows: vocabularySize, size: hiddenSize, scale: scale)
  }
}
