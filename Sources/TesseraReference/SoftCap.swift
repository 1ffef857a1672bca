import Foundation

/// Soft-capping: y = cap · tanh(x / cap), which keeps values inside (−cap, cap).
///
/// Source: Gemma 2 technical report, 2024 (arXiv 2408.00118), section 2.
package enum ReferenceSoftCap {
  /// Caps every value.
  ///
  /// Throws ``ReferenceError`` unless `cap` is positive and finite.
  package static func apply(_ x: [Float], cap: Float) throws(ReferenceError) -> [Float] {
    guard cap > 0, cap.isFinite else {
      throw ReferenceError(.invalidParameter, "the soft cap is \(cap), it must be positive and finite")
    }
    return x.map { Float(Double(cap) * tanh(Double($0) / Double(cap))) }
  }
}
