import Foundation

/// Attention with linear biases: each head likes near keys by a slope of its own (Press et al. 2022).
enum ALiBi {
  /// The slopes of so many heads, in their order: powers of 2^(−8 / heads), and where heads are no power of two, every
  /// second one of twice as many between them.
  ///
  /// - Parameter most: 8, or what MPT's files say.
  static func slopes(headCount: Int, most: Double = 8) -> [Float] {
    guard headCount > 0 else { return [] }
    let whole = 1 << (Int.bitWidth - 1 - headCount.leadingZeroBitCount)
    func slope(_ number: Int, of count: Int) -> Float { Float(pow(2, -most * Double(number) / Double(count))) }
    return (1...whole).map { slope($0, of: whole) }
      + (0..<headCount - whole).map { slope(2 * $0 + 1, of: 2 * whole) }
  }
}
