import Foundation

/// A mixture of experts, token by token.
///
/// Sources: Shazeer et al., "Outrageously Large Neural Networks", 2017 (arXiv 1701.06538); Jiang et al., "Mixtral of
/// Experts", 2024 (arXiv 2401.04088).
package enum ReferenceExperts {
  /// An expert that a token goes to, and its share of the token's result.
  package typealias Choice = (expert: Int, weight: Double)

  /// The `topK` experts with the largest scores, of equals the first, largest first; weights are the softmax of their
  /// scores.
  package static func choices(_ scores: [Float], topK: Int) throws(ReferenceError) -> [Choice] {
    guard (1...max(1, scores.count)).contains(topK), !scores.isEmpty else {
      throw ReferenceError(.invalidParameter, "\(topK) of \(scores.count) experts")
    }
    let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }.prefix(topK)
    let highest = Double(scores[order[0]])
    let powers = order.map { exp(Double(scores[$0]) - highest) }
    let total = powers.reduce(0, +)
    return zip(order, powers).map { ($0, $1 / total) }
  }

  /// Σ weight · down(activation(gate(x)) · up(x)) over a token's choices.
  ///
  /// - Parameters:
  ///   - x: [columns]
  ///   - gates, ups: of each expert, [inner, columns]
  ///   - downs: of each expert, [columns, inner]
  /// - Returns: [columns]
  package static func feedForward(
    _ x: [Float], _ choices: [Choice], gates: [[Float]], ups: [[Float]], downs: [[Float]], inner: Int,
    activation: ReferenceActivation
  ) -> [Double] {
    var y = [Double](repeating: 0, count: x.count)
    for choice in choices {
      let (gate, up, down) = (gates[choice.expert], ups[choice.expert], downs[choice.expert])
      let hidden = (0..<inner).map { row in
        Float(
          activation(dotProduct(x, at: 0, gate, at: row * x.count, count: x.count))
            * dotProduct(x, at: 0, up, at: row * x.count, count: x.count))
      }
      for column in x.indices {
        y[column] += choice.weight * dotProduct(hidden, at: 0, down, at: column * inner, count: inner)
      }
    }
    return y
  }
}
