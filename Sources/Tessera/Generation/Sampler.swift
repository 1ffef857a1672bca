import Foundation
import TesseraOperators

/// Chooses a token among candidates: top-k, top-p, min-p, then temperature, in llama.cpp's order.
struct Sampler: Sendable {
  let options: GenerationOptions
  private var random: SplitMix64

  init(_ options: GenerationOptions) {
    self.options = options
    random = SplitMix64(state: options.seed ?? .random(in: .min ... .max))
  }

  /// Candidates that are needed of the device.
  var keep: Int {
    if options.temperature == 0 { return 1 }
    return options.topK == 0 ? .max : options.topK
  }

  /// - Parameter candidates: in falling order of their logits.
  mutating func choose(_ candidates: [Candidates.Candidate]) throws(TesseraError) -> Int {
    guard let best = candidates.first else {
      throw TesseraError(
        .notFinite, "the model's logits are not finite: the file is damaged, or the driver wrong; try `tessera doctor`")
    }
    guard options.temperature > 0 else { return best.id }
    let considered = options.topK == 0 ? candidates[...] : candidates.prefix(options.topK)
    let odds = considered.map { exp(Double($0.logit) - Double(best.logit)) }
    let total = odds.reduce(0, +)
    var count = odds.count
    if options.topP < 1 {
      var sum = 0.0
      for (index, odd) in odds.enumerated() {
        sum += odd
        if sum >= Double(options.topP) * total {
          count = index + 1
          break
        }
      }
    }
    // The likeliest has odds of 1.
    count = max(1, odds.prefix(count).prefix { $0 >= Double(options.minP) }.count)
    let weights = considered.prefix(count).map {
      exp((Double($0.logit) - Double(best.logit)) / Double(options.temperature))
    }
    var point = random.nextUnit() * weights.reduce(0, +)
    for (candidate, weight) in zip(considered, weights) {
      point -= weight
      if point < 0 { return candidate.id }
    }
    return considered[considered.startIndex + count - 1].id
  }
}

/// SplitMix64 (Steele, Lea & Flood 2014): the same numbers for the same seed, on every machine.
struct SplitMix64: Sendable {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// At least 0 and under 1.
  mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
