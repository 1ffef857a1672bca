import Foundation

/// Rotary position embedding: pairs of a head's elements turned by position · frequency.
///
/// Source: Su et al., "RoFormer", 2021 (arXiv 2104.09864).
package struct ReferenceRotaryEmbedding: Sendable, Equatable {
  /// Which elements of a head form pair i.
  package enum Pairing: Sendable, Equatable {
    /// (x[2i], x[2i + 1]): ggml's "norm", Llama files in GGUF.
    case interleaved
    /// (x[i], x[i + rotaryDim / 2]): ggml's "neox", transformers' Llama, Gemma, Qwen.
    case neox
  }

  /// Which elements form a pair.
  package let pairing: Pairing
  /// Elements of a head that are turned; those after it are kept.
  package let rotaryDim: Int
  /// Radians per position of each pair, and the factor on cosine and sine.
  package let frequencies: ReferenceRotaryFrequencies

  /// Throws ``ReferenceError`` when `rotaryDim` is not even and positive, or a parameter is out of its range.
  package init(
    pairing: Pairing, rotaryDim: Int, base: Double, scaling: ReferenceRotaryScaling = .none
  ) throws(ReferenceError) {
    self.pairing = pairing
    self.rotaryDim = rotaryDim
    frequencies = try ReferenceRotaryFrequencies(rotaryDim: rotaryDim, base: base, scaling: scaling)
  }

  /// The angles in radians, [positions, rotaryDim / 2].
  package func angles(positions: [Int]) -> [Double] {
    positions.flatMap { position in frequencies.values.map { Double(position) * $0 } }
  }

  /// x with every head turned by its token's position.
  ///
  /// - Parameters:
  ///   - x: [positions, headCount, headDim]
  ///   - positions: one per token; need not be consecutive
  /// - Returns: [positions, headCount, headDim]
  /// - Throws: ``ReferenceError`` when `x` does not match its shape or `rotaryDim` exceeds `headDim`.
  package func apply(_ x: [Float], positions: [Int], headCount: Int, headDim: Int) throws(ReferenceError) -> [Float] {
    try require(x, count: try elementCount(positions.count, headCount, headDim, of: "x"), "x")
    guard rotaryDim <= headDim else {
      throw ReferenceError(.invalidParameter, "the rotary dimension \(rotaryDim) exceeds the head's \(headDim)")
    }
    let pairCount = rotaryDim / 2
    let angles = angles(positions: positions)
    var y = x
    for token in positions.indices {
      for pair in 0..<pairCount {
        let angle = angles[token * pairCount + pair]
        let (c, s) = (cos(angle) * frequencies.magnitude, sin(angle) * frequencies.magnitude)
        let (first, second) =
          switch pairing {
          case .interleaved: (2 * pair, 2 * pair + 1)
          case .neox: (pair, pair + pairCount)
          }
        for head in 0..<headCount {
          let start = (token * headCount + head) * headDim
          let (a, b) = (Double(x[start + first]), Double(x[start + second]))
          y[start + first] = Float(a * c - b * s)
          y[start + second] = Float(a * s + b * c)
        }
      }
    }
    return y
  }
}
