import Foundation

/// Maps values to a line of a drawing.
struct Axis {
  enum Scale { case linear, logarithmic }

  let scale: Scale
  /// The values at both ends.
  let low, high: Double
  /// Where the ends are drawn.
  let start, end: Double

  /// - Parameters:
  ///   - values: what must fit; a logarithmic axis ignores those that are not positive.
  ///   - pad: widens a logarithmic axis by this factor at each end.
  init(_ values: [Double], scale: Scale, from start: Double, to end: Double, pad: Double = 1.25) {
    self.scale = scale
    (self.start, self.end) = (start, end)
    switch scale {
    case .linear:
      low = 0
      let most = values.max() ?? 0
      high = most > 0 ? most * 1.08 : 1
    case .logarithmic:
      let positive = values.filter { $0 > 0 && $0.isFinite }
      low = (positive.min() ?? 1) / pad
      high = max((positive.max() ?? 1) * pad, low * 1.01)
    }
  }

  func position(_ value: Double) -> Double {
    let share: Double =
      switch scale {
      case .linear: (value - low) / (high - low)
      case .logarithmic: log(max(value, .leastNormalMagnitude) / low) / log(high / low)
      }
    return start + share * (end - start)
  }

  /// Values to mark: round numbers on a linear axis; powers of ten on a logarithmic one, where there are at least two of
  /// them, else also their multiples.
  var ticks: [Double] {
    switch scale {
    case .linear:
      let rough = high / 5
      let magnitude = pow(10, floor(log10(rough)))
      let step = [1.0, 2, 5, 10].map { $0 * magnitude }.first { $0 >= rough } ?? magnitude
      return Array(stride(from: 0, through: high, by: step))
    case .logarithmic:
      let decades = Int(floor(log10(low)))...Int(ceil(log10(high)))
      func marks(_ factors: [Double]) -> [Double] {
        decades.flatMap { decade in factors.map { $0 * pow(10, Double(decade)) } }.filter { $0 >= low && $0 <= high }
      }
      let powers = marks([1])
      return powers.count >= 3 ? powers : marks([1, 2, 5])
    }
  }
}
