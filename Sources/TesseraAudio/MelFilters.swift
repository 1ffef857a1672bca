#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Triangular filters over the bins of a spectrum, evenly spaced on Slaney's mel scale, each of the same area.
///
/// Source: `mel_filter_bank` in `audio_utils.py` of `transformers` (`norm="slaney"`, `mel_scale="slaney"`), after
/// M. Slaney, "Auditory Toolbox" (1998).
struct MelFilters: Sendable {
  /// A filter: the weights of the bins from `first`.
  struct Filter: Sendable {
    let first: Int
    let weights: [Float]
  }

  let filters: [Filter]

  /// Filters from 0 to half of the rate.
  ///
  /// - Parameters:
  ///   - count: of the filters.
  ///   - binCount: of the spectrum, whose last is at half of the rate.
  init(count: Int, binCount: Int, sampleRate: Double) {
    let top = Self.mel(sampleRate / 2)
    let corners = (0..<count + 2).map { Self.frequency(top * Double($0) / Double(count + 1)) }
    filters = (0..<count).map { band in
      let (low, middle, high) = (corners[band], corners[band + 1], corners[band + 2])
      let weights = (0..<binCount).map { bin in
        let frequency = sampleRate / 2 * Double(bin) / Double(binCount - 1)
        let height = min((frequency - low) / (middle - low), (high - frequency) / (high - middle))
        return Float(max(height, 0) * 2 / (high - low))
      }
      let first = weights.firstIndex { $0 > 0 } ?? 0
      let last = weights.lastIndex { $0 > 0 } ?? first
      return Filter(first: first, weights: Array(weights[first...last]))
    }
  }

  // Linear up to 1000 Hz, which are 15 mel, logarithmic above.
  private static let step = log(6.4) / 27

  private static func mel(_ frequency: Double) -> Double {
    frequency < 1000 ? 3 * frequency / 200 : 15 + log(frequency / 1000) / step
  }

  private static func frequency(_ mel: Double) -> Double {
    mel < 15 ? 200 * mel / 3 : 1000 * exp(step * (mel - 15))
  }
}
