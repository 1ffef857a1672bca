import TesseraCL
import TesseraOperators

/// `W_down · (act(W_gate · x) · (W_up · x))` (Shazeer 2020).
struct GatedMLP: Sendable {
  let gateUp: WeightMatrix  // (2 · feedForwardSize, embeddingSize), groups of gate and up rows alternating
  let down: WeightMatrix  // (embeddingSize, feedForwardSize)
  let function: GatedActivation.Function

  init(layer: Int, _ function: GatedActivation.Function, _ c: Configuration, _ loader: WeightLoader) throws {
    let prefix = "blk.\(layer)."
    gateUp = try loader.matrix(
      ["\(prefix)ffn_gate.weight", "\(prefix)ffn_up.weight"], rows: [c.feedForwardSize, c.feedForwardSize],
      columns: c.embeddingSize, alternating: true)
    down = try loader.matrix(["\(prefix)ffn_down.weight"], rows: [c.embeddingSize], columns: c.feedForwardSize)
    self.function = function
  }

  /// `y = mlp(x) (+ residual)`.
  func callAsFunction(_ input: NormedInput, into y: Buffer, adding residual: Buffer? = nil, _ step: Step) throws {
    let w = step.workspace
    try step.operators.product.enqueue(
      input.x, gateUp, into: w.gated, tokens: step.tokenCount, norm: input.norm, epilogue: .init(gate: function),
      workspace: w.packed, on: step.target)
    try step.operators.product.enqueue(
      w.gated, down, into: y, tokens: step.tokenCount, epilogue: .init(residual: residual), workspace: w.packed,
      on: step.target)
  }
}
