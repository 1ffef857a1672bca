import Foundation

/// Cosines and sines of a rotary embedding, computed on the host in double precision.
///
/// Scalings: linear (Chen et al. 2023), Llama 3 (its model card), YaRN (Peng et al. 2023), LongRoPE (Ding et al. 2024).
package struct RotaryTable: Sendable, Equatable {
  /// Which dimensions turn together.
  package enum Pairing: Sendable, Equatable {
    /// (2i, 2i + 1), as llama's GGUF weights are ordered.
    case interleaved
    /// (i, i + rotaryDim / 2), as GPT-NeoX and most others.
    case neox
  }

  package enum Scaling: Sendable, Equatable {
    case none
    case linear(factor: Double)
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
    /// `truncates`: the pairs that a ramp begins and ends at are whole numbers.
    case yarn(
      factor: Double, betaFast: Double, betaSlow: Double, attentionFactor: Double?, originalContext: Int,
      truncates: Bool = true)
    /// Divisors of each frequency, (rotaryDim / 2): those of contexts up to `originalContext`, and of longer ones.
    case longRope(short: [Double], long: [Double], magnitude: Double, originalContext: Int)
    /// Divisors of each frequency, (rotaryDim / 2), as the tensor `rope_freqs.weight` gives them.
    case divisors([Float])
  }

  package let rotaryDim: Int
  /// Radians per position, (rotaryDim / 2).
  package private(set) var frequencies: [Double]
  /// Those of a model that is run with a longer context than this, where they differ (LongRoPE).
  private var longer: Longer?

  private struct Longer: Sendable, Equatable {
    var frequencies: [Double]
    var originalContext: Int
  }
  /// Factor of every cosine and sine.
  package let magnitude: Double

  package init(rotaryDim: Int, ropeTheta: Double, scaling: Scaling = .none) throws(OperatorError) {
    guard rotaryDim > 0, rotaryDim.isMultiple(of: 2), ropeTheta.isFinite, ropeTheta > 0 else {
      throw OperatorError(.shape, "a rotary embedding of \(rotaryDim) dimensions and base \(ropeTheta)")
    }
    self.rotaryDim = rotaryDim
    longer = nil
    let plain = (0..<rotaryDim / 2).map { pow(ropeTheta, -2 * Double($0) / Double(rotaryDim)) }
    switch scaling {
    case .none:
      (frequencies, magnitude) = (plain, 1)
    case .linear(let factor):
      guard factor > 0 else { throw OperatorError(.shape, "rotary scaling by \(factor): it must be positive") }
      (frequencies, magnitude) = (plain.map { $0 / factor }, 1)
    case .divisors(let divisors):
      guard divisors.count == plain.count, divisors.allSatisfy({ $0 > 0 }) else {
        throw OperatorError(
          .shape, "\(divisors.count) rotary frequency factors, \(plain.count) positive ones are needed")
      }
      (frequencies, magnitude) = (zip(plain, divisors).map { $0 / Double($1) }, 1)
    case .longRope(let short, let long, let magnitude, let originalContext):
      guard [short, long].allSatisfy({ $0.count == plain.count && $0.allSatisfy { $0 > 0 } }), originalContext > 0,
        magnitude.isFinite, magnitude > 0
      else {
        throw OperatorError(
          .shape, "\(short.count) and \(long.count) rotary factors, \(plain.count) positive ones are needed of each")
      }
      (frequencies, self.magnitude) = (zip(plain, short).map { $0 / $1 }, magnitude)
      longer = Longer(frequencies: zip(plain, long).map { $0 / $1 }, originalContext: originalContext)
    case .llama3(let factor, let low, let high, let originalContext):
      guard factor > 0, low > 0, high > low, originalContext > 0 else {
        throw OperatorError(.shape, "Llama 3 rotary scaling with factor \(factor), low \(low), high \(high)")
      }
      frequencies = plain.map { frequency in
        let turns = Double(originalContext) * frequency / (2 * .pi)
        let smooth = min(max((turns - low) / (high - low), 0), 1)
        return frequency * (smooth + (1 - smooth) / factor)
      }
      magnitude = 1
    case .yarn(let factor, let betaFast, let betaSlow, let attentionFactor, let originalContext, let truncates):
      guard factor > 0, betaFast > 0, betaSlow > 0, originalContext > 0, ropeTheta > 1 else {
        throw OperatorError(.shape, "YaRN scaling with factor \(factor), beta \(betaFast) and \(betaSlow)")
      }
      // The pair that turns `turns` times over the original context.
      func pair(turns: Double) -> Double {
        Double(rotaryDim) * log(Double(originalContext) / (turns * 2 * .pi)) / (2 * log(ropeTheta))
      }
      let (first, last) = (pair(turns: betaFast), pair(turns: betaSlow))
      let low = max(truncates ? first.rounded(.down) : first, 0)
      let high = min(truncates ? last.rounded(.up) : last, Double(rotaryDim - 1))
      frequencies = plain.enumerated().map { i, frequency in
        let ramp = min(max((Double(i) - low) / max(high - low, 0.001), 0), 1)
        return frequency * ((1 - ramp) + ramp / factor)
      }
      magnitude = attentionFactor ?? (factor > 1 ? 0.1 * log(factor) + 1 : 1)
    }
  }

  /// The table of a model that is run with so long a context: one for all of its positions.
  package func table(ofContext length: Int) -> RotaryTable {
    guard let longer, length > longer.originalContext else { return self }
    var table = self
    table.frequencies = longer.frequencies
    return table
  }

  /// Cosine and sine of each pair at each position, (positions, rotaryDim / 2, 2).
  package func rows(at positions: some Collection<Int>) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(positions.count * rotaryDim)
    for position in positions {
      for frequency in frequencies {
        let angle = Double(position) * frequency
        result.append(Float(cos(angle) * magnitude))
        result.append(Float(sin(angle) * magnitude))
      }
    }
    return result
  }
}
