/// SplitMix64: the same numbers on every platform for the same seed.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator whose sequence depends on `seed` only.
  package init(seed: UInt64) { state = seed }

  /// The next 64 random bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The next value, uniform in [-magnitude, magnitude).
  package mutating func nextFloat(magnitude: Float = 1) -> Float {
    (Float(next() >> 40) / 8_388_608 - 1) * magnitude
  }

  /// `count` values, uniform in [-magnitude, magnitude); none when `count` is not positive.
  package mutating func floats(_ count: Int, magnitude: Float = 1) -> [Float] {
    (0..<max(0, count)).map { _ in nextFloat(magnitude: magnitude) }
  }
}
