import Foundation

/// Rows that are added to embeddings by position: sines, then cosines (Vaswani et al. 2017, 3.5).
enum SinusoidalPositions {
  /// How fast the waves get longer over a row.
  enum Waves: Sendable {
    /// By pairs of all columns, as the paper has it.
    case paper
    /// To 10,000 at the last pair, as tensor2tensor has it.
    case tensor2tensor
  }

  /// (count, size), from position `first` on.
  static func table(count: Int, size: Int, from first: Int, _ waves: Waves) -> [Float] {
    let half = size / 2
    let divisor =
      switch waves {
      case .paper: Double(size) / 2
      case .tensor2tensor: Double(max(1, half - 1))
      }
    let frequencies = (0..<half).map { pow(10_000, -Double($0) / divisor) }
    return (first..<first + count).flatMap { position in
      let angles = frequencies.map { Double(position) * $0 }
      return angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
    }
  }
}
