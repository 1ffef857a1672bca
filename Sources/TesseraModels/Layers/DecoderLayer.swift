import TesseraCL
import TesseraOperators

/// A pre-norm decoder layer: attention and a gated MLP, each behind a norm and added to the residual stream; with
/// post-norms (Gemma 2 and 3), each between two norms.
struct DecoderLayer: Sendable {
  let attentionNorm: Norm
  let attention: Attention
  let attentionPostNorm: Norm?
  let mlpNorm: Norm
  let mlp: GatedMLP
  let mlpPostNorm: Norm?
  /// The same layer in one launch, for one token, where the device allows it.
  let fused: DecodeLayer?

  init(
    attentionNorm: Norm, attention: Attention, attentionPostNorm: Norm? = nil, mlpNorm: Norm, mlp: GatedMLP,
    mlpPostNorm: Norm? = nil, _ c: Configuration, _ loader: WeightLoader
  ) throws {
    self.attentionNorm = attentionNorm
    self.attention = attention
    self.attentionPostNorm = attentionPostNorm
    self.mlpNorm = mlpNorm
    self.mlp = mlp
    self.mlpPostNorm = mlpPostNorm
    let cache = CacheGeometry(c, loader.cacheLayout)
    fused =
      DecodeLayer.isPossible(loader.library, loader.limits) && mlp.gateUp.shape.rows.isMultiple(of: 32)
      ? try DecodeLayer(
        loader.library, limits: loader.limits,
        weights: .init(
          projections: attention.projections.map(\.matrix), output: attention.output, gateUp: mlp.gateUp,
          down: mlp.down, attentionNorm: attentionNorm.weight.buffer, mlpNorm: mlpNorm.weight.buffer,
          queryNorm: attention.queryNorm?.weight.buffer, keyNorm: attention.keyNorm?.weight.buffer,
          attentionPostNorm: attentionPostNorm?.weight.buffer, mlpPostNorm: mlpPostNorm?.weight.buffer),
        shape: .init(
          embeddingSize: c.embeddingSize, feedForwardSize: c.feedForwardSize, headCount: c.headCount,
          rotaryDim: c.rotaryDim, pairing: attention.options.pairing, activation: mlp.function,
          epsilon: c.normEpsilon, cache: cache),
        attention: attention.options.shape) : nil
  }

  /// `hidden` after the layer, in place.
  func callAsFunction(_ step: Step) throws {
    if step.tokenCount == 1, let fused {
      let w = step.workspace
      try fused.enqueue(
        .init(
          hidden: w.hidden, normed: w.normed, qkv: w.qkv, attended: w.attended, gated: w.gated, branch: w.branch,
          rotation: w.rotations[attention.options.rotaryTable], slots: w.slots, positions: w.positions,
          tables: w.tables, counters: w.counters),
        keys: try step.cache.keys(layer: attention.layer), values: try step.cache.values(layer: attention.layer),
        index: attention.layer, on: step.queue)
      return
    }
    let w = step.workspace
    try attentionNorm(w.hidden, into: w.normed, step)
    try branch(attentionPostNorm, step) { try attention(w.normed, into: $0, adding: $1, step) }
    try mlpNorm(w.hidden, into: w.normed, step)
    try branch(mlpPostNorm, step) { try mlp(w.normed, into: $0, adding: $1, step) }
  }

  /// Adds a block's output to the residual stream: the block does it, or the norm behind it.
  private func branch(_ norm: Norm?, _ step: Step, _ block: (Buffer, Buffer?) throws -> Void) throws {
    let w = step.workspace
    guard let norm else { return try block(w.hidden, w.hidden) }
    try block(w.branch, nil)
    try norm(w.branch, into: w.hidden, adding: w.hidden, step)
  }
}
