import Foundation

/// Scaled dot-product attention: softmax over the visible keys of cap(scale · q·k), times the values.
///
/// Sources: Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762); grouped heads: Ainslie et al., "GQA",
/// 2023 (arXiv 2305.13245); sliding window: "Mistral 7B", 2023 (arXiv 2310.06825).
public struct ReferenceAttention: Sendable, Equatable {
  /// Query heads.
  public var headCount: Int
  /// Key and value heads; divides `headCount`. Query head h reads kv head h / (headCount / kvHeadCount).
  public var kvHeadCount: Int
  /// Elements of a head.
  public var headDim: Int
  /// What dot products are multiplied by, usually 1 / √headDim.
  public var scale: Float
  /// Whether a query sees only keys at its own position and before.
  public var isCausal: Bool
  /// A query at position p sees keys at positions > p − window.
  public var window: Int?
  /// Scores become cap · tanh(score / cap) before the mask.
  public var softCap: Float?

  /// An attention of the given shape; `scale` defaults to 1 / √headDim.
  public init(
    headCount: Int, kvHeadCount: Int, headDim: Int, scale: Float? = nil, isCausal: Bool = true, window: Int? = nil,
    softCap: Float? = nil
  ) {
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.headDim = headDim
    self.scale = scale ?? Float(1 / Double(max(1, headDim)).squareRoot())
    self.isCausal = isCausal
    self.window = window
    self.softCap = softCap
  }

  /// The attention of one sequence.
  ///
  /// - Parameters:
  ///   - queries: [queryPositions, headCount, headDim]
  ///   - keys, values: [keyCount, kvHeadCount, headDim]
  ///   - queryPositions: one per query token; need not be consecutive
  ///   - keyPositions: one per key; 0, 1, 2, … when nil
  /// - Returns: [queryPositions, headCount, headDim]; zeros for a query that sees no key
  /// - Throws: ``ReferenceError`` when a length does not match or heads do not divide evenly.
  public func attend(
    queries: [Float], keys: [Float], values: [Float], queryPositions: [Int], keyCount: Int, keyPositions: [Int]? = nil
  ) throws(ReferenceError) -> [Float] {
    try check(queries, keys, values, queryPositions, keyCount, keyPositions)
    var y = [Float](repeating: 0, count: queries.count)
    for (token, position) in queryPositions.enumerated() {
      let visible = (0..<keyCount).filter { isVisible(keyPositions?[$0] ?? $0, from: position) }
      for head in 0..<headCount {
        let queryStart = (token * headCount + head) * headDim
        let kvHead = head / (headCount / kvHeadCount)
        let starts = visible.map { ($0 * kvHeadCount + kvHead) * headDim }
        let scores = starts.map { score(queries, at: queryStart, keys, at: $0) }
        guard let maximum = scores.max() else { continue }
        let weights = scores.map { exp($0 - maximum) }
        let total = weights.reduce(0, +)
        var sums = [Double](repeating: 0, count: headDim)
        for (weight, start) in zip(weights, starts) { accumulate(weight / total, values, at: start, into: &sums) }
        for i in 0..<headDim { y[queryStart + i] = Float(sums[i]) }
      }
    }
    return y
  }

  private func isVisible(_ key: Int, from query: Int) -> Bool {
    if isCausal && key > query { return false }
    if let window { return key > query.subtractingReportingOverflow(window).partialValue }
    return true
  }

  private func score(_ queries: [Float], at queryStart: Int, _ keys: [Float], at keyStart: Int) -> Double {
    let score = dotProduct(queries, at: queryStart, keys, at: keyStart, count: headDim) * Double(scale)
    guard let softCap else { return score }
    return Double(softCap) * tanh(score / Double(softCap))
  }

  private func accumulate(_ weight: Double, _ values: [Float], at start: Int, into sums: inout [Double]) {
    values.withUnsafeBufferPointer { values in
      sums.withUnsafeMutableBufferPointer { sums in
        var i = 0
        while i < sums.count {
          sums[i] += weight * Double(values[start + i])
          i += 1
        }
      }
    }
  }

  private func check(
    _ queries: [Float], _ keys: [Float], _ values: [Float], _ queryPositions: [Int], _ keyCount: Int,
    _ keyPositions: [Int]?
  ) throws(ReferenceError) {
    guard headDim > 0, kvHeadCount > 0, headCount > 0, headCount % kvHeadCount == 0 else {
      throw ReferenceError(
        .invalidParameter,
        "\(headCount) query heads over \(kvHeadCount) kv heads of \(headDim): heads must be positive and divide evenly")
    }
    if let window, window <= 0 {
      throw ReferenceError(.invalidParameter, "the window is \(window), it must be positive")
    }
    if let softCap, !(softCap > 0) {
      throw ReferenceError(.invalidParameter, "the soft cap is \(softCap), it must be positive")
    }
    try require(queries, count: try elementCount(queryPositions.count, headCount, headDim, of: "queries"), "queries")
    let kvCount = try elementCount(keyCount, kvHeadCount, headDim, of: "keys")
    try require(keys, count: kvCount, "keys")
    try require(values, count: kvCount, "values")
    if let keyPositions { try require(keyPositions, count: keyCount, "keyPositions") }
  }
}
