import Foundation

/// Gated activations of a feed-forward layer: y = activation(gate) · up.
///
/// Source: Shazeer, "GLU Variants Improve Transformer", 2020 (arXiv 2002.05202).
package enum ReferenceGatedActivation: String, CaseIterable, Sendable {
  /// silu(gate) · up, with silu(x) = x / (1 + e⁻ˣ): Llama, Mistral, Qwen.
  case swiGLU
  /// gelu(gate) · up, with GELU's tanh form (`gelu_pytorch_tanh`): Gemma.
  case geGLU

  /// Applies the gate element by element, in Double.
  ///
  /// Throws ``ReferenceError`` when `gate` and `up` differ in length.
  package func apply(gate: [Float], up: [Float]) throws(ReferenceError) -> [Float] {
    try require(up, count: gate.count, "up")
    return zip(gate, up).map { Float(activation(Double($0)) * Double($1)) }
  }

  /// The activation of one value.
  package func activation(_ x: Double) -> Double {
    switch self {
    case .swiGLU: x / (1 + exp(-x))
    case .geGLU: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }
}
