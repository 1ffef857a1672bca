import Foundation

/// Activation functions of feed-forward layers, in Double.
package enum ReferenceActivation: String, CaseIterable, Sendable {
  /// x / (1 + e⁻ˣ).
  case silu
  /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
  case geluTanh
  /// x/2 · (1 + erf(x / √2)): Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016 (arXiv 1606.08415).
  case geluErf
  case relu
  /// relu(x)²: So et al., "Primer", 2021 (arXiv 2109.08668).
  case reluSquared
  /// x / (1 + e^(−1.702 x)).
  case quickGelu
  case sigmoid
  case tanh
  /// The same of min(x, 7); as a gate, times 1 + the up within ±7 (gpt-oss, OpenAI 2025).
  case clampedQuickGelu

  /// The activation of one value.
  package func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .silu: x / (1 + exp(-x))
    case .geluTanh: 0.5 * x * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .geluErf: 0.5 * x * erfc(-x / 2.0.squareRoot())
    case .relu: max(x, 0)
    case .reluSquared: max(x, 0) * max(x, 0)
    case .quickGelu: x / (1 + exp(-1.702 * x))
    case .sigmoid: 1 / (1 + exp(-x))
    case .tanh: Foundation.tanh(x)
    case .clampedQuickGelu: min(x, 7) / (1 + exp(-1.702 * min(x, 7)))
    }
  }

  /// What the function makes of a gate and what is behind it.
  package func gated(_ gate: Double, _ up: Double) -> Double {
    self(gate) * (self == .clampedQuickGelu ? min(max(up, -7), 7) + 1 : up)
  }
}
