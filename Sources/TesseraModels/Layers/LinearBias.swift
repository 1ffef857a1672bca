import Foundation

/// ALiBi's slopes (Press et al. 2022): how fast scores fall with distance, for each head.
enum LinearBias {
  /// A geometric sequence; where heads are no power of two, every other one of the finer sequence follows.
  static func slopes(headCount: Int) -> [Float] {
    let power = 1 << (Int.bitWidth - 1 - headCount.leadingZeroBitCount)
    func sequence(_ count: Int) -> [Float] { (1...count).map { Float(exp2(-8 * Double($0) / Double(count))) } }
    let finer = sequence(2 * power).enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
    return sequence(power) + finer.prefix(headCount - power)
  }
}
