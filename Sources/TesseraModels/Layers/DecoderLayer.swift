import TesseraCL

/// A pre-norm decoder layer: attention and a gated MLP, each behind a norm and added to the residual stream; with
/// post-norms (Gemma 2 and 3), each between two norms.
struct DecoderLayer: Sendable {
  let attentionNorm: Norm
  let attention: Attention
  let attentionPostNorm: Norm?
  let mlpNorm: Norm
  let mlp: GatedMLP
  let mlpPostNorm: Norm?

  init(
    attentionNorm: Norm, attention: Attention, attentionPostNorm: Norm? = nil, mlpNorm: Norm, mlp: GatedMLP,
    mlpPostNorm: Norm? = nil
  ) {
    self.attentionNorm = attentionNorm
    self.attention = attention
    self.attentionPostNorm = attentionPostNorm
    self.mlpNorm = mlpNorm
    self.mlp = mlp
    self.mlpPostNorm = mlpPostNorm
  }

  /// `hidden` after the layer, in place; after the last layer only the rows that are wanted.
  func callAsFunction(_ step: Step, isLast: Bool) throws {
    let w = step.workspace
    var step = step
    let attentionInput = try attentionNorm.input(w.hidden, by: w.normed, step)
    try attention.attend(attentionInput, step)
    if isLast { try step.narrow() }
    try branch(attentionPostNorm, step) { try attention.project(into: $0, adding: $1, step) }
    let mlpInput = try mlpNorm.input(w.hidden, by: w.normed, step)
    try branch(mlpPostNorm, step) { try mlp(mlpInput, into: $0, adding: $1, step) }
  }

  /// Adds a block's output to the residual stream: the block does it, or the norm behind it.
  private func branch(_ norm: Norm?, _ step: Step, _ block: (Buffer, Buffer?) throws -> Void) throws {
    let w = step.workspace
    guard let norm else { return try block(w.hidden, w.hidden) }
    try block(w.branch, nil)
    try norm(w.branch, into: w.hidden, adding: w.hidden, step)
  }
}
