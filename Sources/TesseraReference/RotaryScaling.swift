import Foundation

/// How rotary frequencies are changed for contexts longer than the model was trained on.
package enum ReferenceRotaryScaling: Sendable, Equatable {
  /// θᵢ = base^(−2i/d) as they are.
  case none
  /// All frequencies divided by `factor` (Chen et al., "Position Interpolation", 2023, arXiv 2306.15595).
  case linear(factor: Double)
  /// Frequency i divided by `factors[i]`: the `rope_freqs.weight` tensor of GGUF files.
  case factors([Double])
  /// Llama 3.1: long wavelengths divided by `factor`, short ones kept, those between blended.
  /// Source: `_compute_llama3_parameters` of transformers, after Meta's `apply_scaling`.
  case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
  /// YaRN (Peng et al., 2023, arXiv 2309.00071), with ggml's parameters.
  ///
  /// `extFactor` blends between interpolation (0) and YaRN's ramp (1); cosine and sine are multiplied by
  /// `attnFactor` · (1 + 0.1 · ln factor) where `extFactor` is not 0, else by `attnFactor`.
  case yarn(
    factor: Double, extFactor: Double = 1, attnFactor: Double = 1, betaFast: Double = 32, betaSlow: Double = 1,
    originalContext: Int)
}

/// The rotary frequencies of one head.
package struct ReferenceRotaryFrequencies: Sendable, Equatable {
  /// Radians per position of each pair, [rotaryDim / 2].
  package let values: [Double]
  /// The factor of cosine and sine (YaRN's attention factor; 1 otherwise).
  package let magnitude: Double

  /// The frequencies of `rotaryDim` elements under `scaling`.
  ///
  /// Throws ``ReferenceError`` when `rotaryDim` is not even and positive, or a parameter is out of its range.
  package init(rotaryDim: Int, base: Double, scaling: ReferenceRotaryScaling = .none) throws(ReferenceError) {
    guard rotaryDim > 0, rotaryDim % 2 == 0 else {
      throw ReferenceError(.invalidParameter, "the rotary dimension is \(rotaryDim), it must be even and positive")
    }
    guard base > 1, base.isFinite else {
      throw ReferenceError(.invalidParameter, "the rotary base is \(base), it must be above 1 and finite")
    }
    let plain = (0..<(rotaryDim / 2)).map { pow(base, -2 * Double($0) / Double(rotaryDim)) }
    switch scaling {
    case .none:
      (values, magnitude) = (plain, 1)
    case .linear(let factor):
      try Self.checkPositive(factor, "linear factor")
      (values, magnitude) = (plain.map { $0 / factor }, 1)
    case .factors(let factors):
      try require(factors, count: plain.count, "rotary factors")
      for factor in factors { try Self.checkPositive(factor, "rotary factor") }
      (values, magnitude) = (zip(plain, factors).map { $0 / $1 }, 1)
    case .llama3(let factor, let low, let high, let context):
      (values, magnitude) = (try Self.llama3(plain, factor, low, high, Double(context)), 1)
    case .yarn(let factor, let extFactor, let attnFactor, let fast, let slow, let context):
      for (value, name) in [(factor, "factor"), (attnFactor, "attnFactor"), (fast, "betaFast"), (slow, "betaSlow")] {
        try Self.checkPositive(value, "YaRN \(name)")
      }
      try Self.checkPositive(Double(context), "YaRN original context")
      values = Self.yarn(plain, base, factor, extFactor, fast, slow, Double(context))
      magnitude = extFactor == 0 ? attnFactor : attnFactor * (1 + 0.1 * log(factor))
    }
  }

  private static func checkPositive(_ value: Double, _ name: String) throws(ReferenceError) {
    guard value > 0, value.isFinite else {
      throw ReferenceError(.invalidParameter, "the \(name) is \(value), it must be positive and finite")
    }
  }

  private static func llama3(
    _ plain: [Double], _ factor: Double, _ low: Double, _ high: Double, _ context: Double
  ) throws(ReferenceError) -> [Double] {
    try checkPositive(factor, "Llama-3 factor")
    try checkPositive(low, "Llama-3 low frequency factor")
    try checkPositive(context, "Llama-3 original context")
    guard high > low, high.isFinite else {
      throw ReferenceError(
        .invalidParameter,
        "the Llama-3 high frequency factor is \(high), it must be finite and above the low one, \(low)")
    }
    return plain.map { frequency in
      let wavelength = 2 * Double.pi / frequency
      if wavelength < context / high { return frequency }
      if wavelength > context / low { return frequency / factor }
      let smooth = (context / wavelength - low) / (high - low)
      return (1 - smooth) * frequency / factor + smooth * frequency
    }
  }

  private static func yarn(
    _ plain: [Double], _ base: Double, _ factor: Double, _ extFactor: Double, _ fast: Double, _ slow: Double,
    _ context: Double
  ) -> [Double] {
    let rotaryDim = Double(2 * plain.count)
    /// The pair index that makes `rotations` turns over the original context.
    func correction(_ rotations: Double) -> Double {
      rotaryDim * log(context / (rotations * 2 * Double.pi)) / (2 * log(base))
    }
    let low = max(0, correction(fast).rounded(.down))
    let high = min(rotaryDim - 1, correction(slow).rounded(.up))
    return plain.enumerated().map { i, frequency in
      let ramp = min(1, max(0, (Double(i) - low) / max(0.001, high - low)))
      let kept = (1 - ramp) * extFactor  // 1: extrapolated (unchanged), 0: interpolated.
      return frequency / factor * (1 - kept) + frequency * kept
    }
  }
}
