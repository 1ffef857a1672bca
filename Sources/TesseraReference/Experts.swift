import Foundation

/// A mixture of experts, token by token.
///
/// Sources: Shazeer et al., "Outrageously Large Neural Networks", 2017 (arXiv 1701.06538); Jiang et al., "Mixtral of
/// Experts", 2024 (arXiv 2401.04088).
package enum ReferenceExperts {
  /// An expert that a token goes to, and its share of the token's result.
  package typealias Choice = (expert: Int, weight: Double)

  /// How scores choose and weigh (`Kernels/experts/route.cl`).
  package struct Gate: Sendable {
    package enum Function: Sendable {
      case softmaxOfChosen
      case softmax
      case sigmoid
    }

    package var function: Function
    package var isNormalized: Bool
    /// Added to what is compared, of sigmoids; empty: nothing.
    package var bias: [Float]
    package var groupCount: Int
    package var topGroups: Int
    package var scale: Double

    package init(
      _ function: Function = .softmaxOfChosen, isNormalized: Bool = false, bias: [Float] = [], groupCount: Int = 1,
      topGroups: Int = 1, scale: Double = 1
    ) {
      (self.function, self.isNormalized, self.bias) = (function, isNormalized, bias)
      (self.groupCount, self.topGroups, self.scale) = (groupCount, topGroups, scale)
    }
  }

  /// The `topK` experts with the largest scores, of equals the first, largest first; weights are the softmax of their
  /// scores, or as `gate` says.
  package static func choices(_ scores: [Float], topK: Int, gate: Gate = .init()) throws(ReferenceError) -> [Choice] {
    guard (1...max(1, scores.count)).contains(topK), !scores.isEmpty, gate.groupCount > 0,
      scores.count.isMultiple(of: gate.groupCount)
    else {
      throw ReferenceError(.invalidParameter, "\(topK) of \(scores.count) experts")
    }
    let gates = scores.map { gate.function == .sigmoid ? 1 / (1 + exp(-Double($0))) : Double($0) }
    let compared = gates.indices.map { gates[$0] + Double(gate.bias.isEmpty ? 0 : gate.bias[$0]) }
    func ranked(_ values: [Double], _ indices: some Sequence<Int>) -> [Int] {
      indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
    }
    let size = scores.count / gate.groupCount
    let groups = (0..<gate.groupCount).map { group in
      compared[group * size..<(group + 1) * size].sorted(by: >).prefix(gate.function == .sigmoid ? 2 : 1).reduce(0, +)
    }
    let allowed = Set(ranked(groups, groups.indices).prefix(gate.topGroups))
    let order = ranked(compared, scores.indices.filter { allowed.contains($0 / size) }).prefix(topK)
    guard order.count == topK else { throw ReferenceError(.invalidParameter, "\(topK) of \(order.count) experts") }
    let highest = Double(scores.max() ?? 0)
    let powers = gate.function == .sigmoid ? gates : scores.map { exp(Double($0) - highest) }
    let chosen = order.reduce(0.0) { $0 + powers[$1] }
    let total =
      switch gate.function {
      case .softmaxOfChosen: chosen
      case .softmax: gate.isNormalized ? chosen : powers.reduce(0, +)
      case .sigmoid: gate.isNormalized ? chosen : 1
      }
    return order.map { ($0, powers[$0] / total * gate.scale) }
  }

  /// Σ weight · down(activation(gate(x)) · up(x)) over a token's choices.
  ///
  /// - Parameters:
  ///   - x: [columns]
  ///   - gates, ups: of each expert, [inner, columns]
  ///   - downs: of each expert, [columns, inner]
  ///   - biases: of each expert's gates, ups and downs; nil: none.
  /// - Returns: [columns]
  package static func feedForward(
    _ x: [Float], _ choices: [Choice], gates: [[Float]], ups: [[Float]], downs: [[Float]], inner: Int,
    activation: ReferenceActivation, biases: [(gate: [Float], up: [Float], down: [Float])]? = nil
  ) -> [Double] {
    var y = [Double](repeating: 0, count: x.count)
    for choice in choices {
      let (gate, up, down) = (gates[choice.expert], ups[choice.expert], downs[choice.expert])
      let bias = biases?[choice.expert]
      let hidden = (0..<inner).map { row in
        Float(
          activation.gated(
            dotProduct(x, at: 0, gate, at: row * x.count, count: x.count) + Double(bias?.gate[row] ?? 0),
            dotProduct(x, at: 0, up, at: row * x.count, count: x.count) + Double(bias?.up[row] ?? 0)))
      }
      for column in x.indices {
        y[column] +=
          choice.weight
          * (dotProduct(hidden, at: 0, down, at: column * inner, count: inner) + Double(bias?.down[column] ?? 0))
      }
    }
    return y
  }
}
