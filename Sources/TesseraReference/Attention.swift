import Foundation

/// Scaled dot-product attention: softmax over the visible keys of cap(scale · q·k), times the values.
///
/// Sources: Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762); grouped heads: Ainslie et al., "GQA",
/// 2023 (arXiv 2305.13245); sliding window: "Mistral 7B", 2023 (arXiv 2310.06825); ALiBi: Press et al., 2022 (arXiv
/// 2108.12409); first keys kept: Xiao et al., "StreamingLLM", 2023 (arXiv 2309.17453).
package struct ReferenceAttention: Sendable, Equatable {
  /// Query heads.
  package var headCount: Int
  /// Key and value heads; divides `headCount`. Query head h reads kv head h / (headCount / kvHeadCount).
  package var kvHeadCount: Int
  /// Elements of a key.
  package var headDim: Int
  /// Elements of a value.
  package var valueDim: Int
  /// The factor of dot products, usually 1 / √headDim.
  package var scale: Float
  /// Whether a query sees only keys at its own position and before.
  package var isCausal: Bool
  /// A query at position p sees keys at positions > p − window, and where it is not causal < p + window.
  package var window: Int?
  /// These first keys are seen whatever the window.
  package var sinkKeys = 0
  /// Scores become cap · tanh(score / cap) before the mask.
  package var softCap: Float?
  /// ALiBi, [headCount]: −slope · |query's position − key's| is added to capped scores.
  package var slopes: [Float]?
  /// [headCount, 2 · reach + 1]: values added to capped scores by the distance from a query to a key, limited to ± reach
  /// (T5: Raffel et al., 2020, arXiv 1910.10683).
  package var bias: [Float]?
  /// [headCount]: exp(sink) is added to the softmax's denominator.
  package var sinks: [Float]?

  /// Tokens in flight that form a tree.
  package struct Tree: Sendable, Equatable {
    /// The keys before it, all of which are seen.
    package var start: Int
    /// For each query, which keys of the tree it sees.
    package var masks: [[Bool]]

    package init(start: Int, masks: [[Bool]]) { (self.start, self.masks) = (start, masks) }
  }

  /// An attention of the given shape; `scale` defaults to 1 / √headDim.
  package init(
    headCount: Int, kvHeadCount: Int, headDim: Int, valueDim: Int? = nil, scale: Float? = nil, isCausal: Bool = true,
    window: Int? = nil, softCap: Float? = nil
  ) {
    self.headCount = headCount
    self.kvHeadCount = kvHeadCount
    self.headDim = headDim
    self.valueDim = valueDim ?? headDim
    self.scale = scale ?? Float(1 / Double(max(1, headDim)).squareRoot())
    self.isCausal = isCausal
    self.window = window
    self.softCap = softCap
  }

  /// The attention of one sequence.
  ///
  /// - Parameters:
  ///   - queries: [queryPositions, headCount, headDim]
  ///   - keys: [keyCount, kvHeadCount, headDim]
  ///   - values: [keyCount, kvHeadCount, valueDim]
  ///   - queryPositions: one per query token; need not be consecutive
  ///   - keyPositions: one per key; 0, 1, 2, … when nil
  ///   - tree: decides which of the keys from its start on are seen
  /// - Returns: [queryPositions, headCount, valueDim]; zeros for a query that sees no key
  /// - Throws: ``ReferenceError`` when a length does not match or heads do not divide evenly.
  package func attend(
    queries: [Float], keys: [Float], values: [Float], queryPositions: [Int], keyCount: Int, keyPositions: [Int]? = nil,
    tree: Tree? = nil
  ) throws(ReferenceError) -> [Float] {
    try attendWithSums(
      queries: queries, keys: keys, values: values, queryPositions: queryPositions, keyCount: keyCount,
      keyPositions: keyPositions, tree: tree
    ).out
  }

  /// As `attend`, with log Σ exp(score), the sink included, of each query: [queryPositions, headCount].
  package func attendWithSums(
    queries: [Float], keys: [Float], values: [Float], queryPositions: [Int], keyCount: Int, keyPositions: [Int]? = nil,
    tree: Tree? = nil
  ) throws(ReferenceError) -> (out: [Float], logSums: [Float]) {
    try check(queries, keys, values, queryPositions, keyCount, keyPositions, tree)
    var y: [Float] = []
    var logSums: [Float] = []
    for (token, position) in queryPositions.enumerated() {
      let visible = (0..<keyCount).filter { key in
        if let tree, key >= tree.start { return tree.masks[token][key - tree.start] }
        return isVisible(keyPositions?[key] ?? key, from: position, inTree: tree != nil)
      }
      for head in 0..<headCount {
        let queryStart = (token * headCount + head) * headDim
        let kvHead = head / (headCount / kvHeadCount)
        let scores = visible.map { key in
          score(queries, at: queryStart, keys, at: (key * kvHeadCount + kvHead) * headDim)
            + bias(of: head, distance: (keyPositions?[key] ?? key) - position)
            - Double(slopes?[head] ?? 0) * abs(Double(position - (keyPositions?[key] ?? key)))
        }
        let sink = sinks.map { Double($0[head]) } ?? -.infinity
        let maximum = max(scores.max() ?? -.infinity, sink)
        var sums = [Double](repeating: 0, count: valueDim)
        if maximum > -.infinity {
          let weights = scores.map { exp($0 - maximum) }
          let total = weights.reduce(exp(sink - maximum), +)
          for (weight, key) in zip(weights, visible) {
            accumulate(weight / total, values, at: (key * kvHeadCount + kvHead) * valueDim, into: &sums)
          }
          logSums.append(Float(maximum + log(total)))
        } else {
          logSums.append(-.infinity)
        }
        y += sums.map { Float($0) }
      }
    }
    return (y, logSums)
  }

  private func bias(of head: Int, distance: Int) -> Double {
    guard let bias else { return 0 }
    let width = bias.count / headCount
    return Double(bias[head * width + min(max(distance + width / 2, 0), width - 1)])
  }

  private func isVisible(_ key: Int, from query: Int, inTree: Bool) -> Bool {
    if isCausal && !inTree && key > query { return false }
    guard let window, key >= sinkKeys else { return true }
    if !isCausal && key >= query.addingReportingOverflow(window).partialValue { return false }
    return key > query.subtractingReportingOverflow(window).partialValue
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
    _ keyPositions: [Int]?, _ tree: Tree?
  ) throws(ReferenceError) {
    guard headDim > 0, valueDim > 0, kvHeadCount > 0, headCount > 0, headCount % kvHeadCount == 0 else {
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
    try require(keys, count: try elementCount(keyCount, kvHeadCount, headDim, of: "keys"), "keys")
    try require(values, count: try elementCount(keyCount, kvHeadCount, valueDim, of: "values"), "values")
    for perHead in [slopes, sinks] { if let perHead { try require(perHead, count: headCount, "slopes or sinks") } }
    if let bias, bias.count % headCount != 0 || bias.count / headCount % 2 == 0 {
      throw ReferenceError(
        .shapeMismatch, "a bias of \(bias.count) values for \(headCount) heads: an odd number for each is possible")
    }
    if let tree {
      try require(tree.masks, count: queryPositions.count, "tree masks")
      for mask in tree.masks { try require(mask, count: max(0, keyCount - tree.start), "bits of a tree mask") }
    }
    if let keyPositions { try require(keyPositions, count: keyCount, "keyPositions") }
  }
}
