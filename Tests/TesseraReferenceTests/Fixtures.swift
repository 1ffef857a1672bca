import Foundation
import Testing

/// The committed fixtures, made by the scripts in `Tests/Fixtures-scripts`.
enum Fixtures {
  static func decode<T: Decodable>(_ type: T.Type, from name: String) throws -> T {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "json"))
    return try JSONDecoder().decode(type, from: Data(contentsOf: url))
  }

  static func operators() throws -> Operators { try decode(Operators.self, from: "operators") }

  struct Operators: Decodable {
    let frequencies: [Frequencies]
    let rotations: [Rotation]
    let attentions: [Attention]
    let activations: Activations
    let norm: Norm
    let product: Product
    let sampling: Sampling
  }

  struct Frequencies: Decodable {
    let kind: String
    let headDim: Int, originalContext: Int
    let base: Double, factor: Double, betaFast: Double, betaSlow: Double, magnitude: Double
    let low: Double?, high: Double?
    let frequencies: [Double]
  }

  struct Rotation: Decodable {
    let pairing: String
    let positions: [Int]
    let headCount: Int, headDim: Int
    let base: Double
    let x: [Float], y: [Float]
  }

  struct Attention: Decodable {
    let headCount: Int, kvHeadCount: Int, headDim: Int, keyCount: Int
    let queryPositions: [Int]
    let isCausal: Bool
    let window: Int?, softCap: Float?
    let scale: Float
    let queries: [Float], keys: [Float], values: [Float], y: [Float]
  }

  struct Activations: Decodable { let gate: [Float], up: [Float], swiGLU: [Float], geGLU: [Float] }

  struct Norm: Decodable {
    let rowCount: Int, columnCount: Int
    let epsilon: Float
    let x: [Float], weight: [Float], y: [Float]
  }

  struct Product: Decodable {
    let tokenCount: Int, rowCount: Int, columnCount: Int
    let x: [Float], weights: [Float], bias: [Float], residual: [Float], y: [Float]
  }

  struct Sampling: Decodable {
    let logits: [Float], penalized: [Float], topLogits: [Float]
    let occurred: [Int], topIds: [Int]
    let penalty: Float
  }
}

/// Fails unless the arrays have one length and no pair differs by more than `absolute` + `relative` · |expected|.
func expectClose(
  _ actual: [Float], _ expected: [Float], relative: Float = 1e-6, absolute: Float = 1e-7,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, sourceLocation: sourceLocation)
  for (i, (a, e)) in zip(actual, expected).enumerated() where !(abs(a - e) <= absolute + relative * abs(e)) {
    Issue.record("element \(i) is \(a), expected \(e)", sourceLocation: sourceLocation)
    return
  }
}
