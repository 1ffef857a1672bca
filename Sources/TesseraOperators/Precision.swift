/// The numbers that a model's products compute with.
public enum Precision: String, Sendable, CaseIterable, Codable {
  /// float32 activations.
  case exact
  /// Activations rounded to 8 bits in blocks of 32, and integer sums, where that is faster.
  case fast
}
