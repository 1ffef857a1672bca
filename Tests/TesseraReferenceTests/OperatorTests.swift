import Testing

@testable import TesseraReference

@Suite("Operator references")
struct OperatorTests {
  @Test("the matrix product with bias and residual equals torch")
  func matrixProduct() throws {
    let f = try Fixtures.operators().product
    let y = try ReferenceMatrixProduct.product(
      x: f.x, weights: f.weights, tokenCount: f.tokenCount, rowCount: f.rowCount, columnCount: f.columnCount,
      bias: f.bias, residual: f.residual)
    expectClose(y, f.y)
  }

  @Test("a matrix product of lengths that do not match its shape, or of an absurd shape, is refused")
  func matrixProductRefusals() {
    let four = [Float](repeating: 1, count: 4)
    for (tokens, rows, columns) in [(2, 2, 3), (-2, 2, -2), (Int.max, Int.max, 2), (4, 4, 0)] {
      #expect(throws: ReferenceError.self) {
        try ReferenceMatrixProduct.product(
          x: four, weights: four, tokenCount: tokens, rowCount: rows, columnCount: columns)
      }
    }
  }

  @Test("RMSNorm equals transformers, and the fused sum is the float32 sum")
  func rmsNorm() throws {
    let f = try Fixtures.operators().norm
    let plain = try ReferenceRMSNorm.normalize(
      x: f.x, weight: f.weight, rowCount: f.rowCount, columnCount: f.columnCount, epsilon: f.epsilon)
    expectClose(plain.normalized, f.y)
    #expect(plain.sum == f.x)

    let residual = f.x.map { 0.25 - 3 * $0 }
    let fused = try ReferenceRMSNorm.normalize(
      x: f.x, weight: f.weight, rowCount: f.rowCount, columnCount: f.columnCount, epsilon: f.epsilon,
      residual: residual)
    #expect(fused.sum == zip(f.x, residual).map { $0 + $1 })
    let again = try ReferenceRMSNorm.normalize(
      x: fused.sum, weight: f.weight, rowCount: f.rowCount, columnCount: f.columnCount, epsilon: f.epsilon)
    #expect(fused.normalized == again.normalized)
  }

  @Test("an embedding lookup returns the dequantized rows, scaled, and refuses an id outside the vocabulary")
  func embedding() throws {
    let bytes = try ReferenceQuantization.randomBlocks(type: .q5_1, rows: 5, columns: 64, seed: 1)
    let table = try ReferenceQuantization.dequantize(type: .q5_1, bytes: bytes, count: 5 * 64)
    let y = try ReferenceEmbedding.lookup(
      tokens: [4, 0, 4], type: .q5_1, bytes: bytes, vocabularySize: 5, width: 64, scale: 8)
    let expected = [4, 0, 4].flatMap { row in table[(row * 64)..<(row * 64 + 64)].map { $0 * 8 } }
    #expect(y == expected)
    for id in [5, -1] {
      #expect(throws: ReferenceError.self) {
        try ReferenceEmbedding.lookup(tokens: [id], type: .q5_1, bytes: bytes, vocabularySize: 5, width: 64)
      }
    }
  }

  @Test("SwiGLU and GeGLU equal torch, saturated gates included")
  func gatedActivation() throws {
    let f = try Fixtures.operators().activations
    expectClose(try ReferenceGatedActivation.swiGLU.apply(gate: f.gate, up: f.up), f.swiGLU)
    expectClose(try ReferenceGatedActivation.geGLU.apply(gate: f.gate, up: f.up), f.geGLU)
    #expect(throws: ReferenceError.self) { try ReferenceGatedActivation.swiGLU.apply(gate: [1], up: []) }
  }

  @Test("soft-capping is the identity near zero and saturates at the cap")
  func softCap() throws {
    let y = try ReferenceSoftCap.apply([0, 0.01, 30, -1e9, .infinity], cap: 30)
    expectClose(y, [0, 0.01, 30 * 0.7615942, -30, 30])
    #expect(throws: ReferenceError.self) { try ReferenceSoftCap.apply([1], cap: 0) }
  }

  @Test("attention equals torch: grouped heads, windows, soft caps, positions out of order")
  func attention() throws {
    for f in try Fixtures.operators().attentions {
      let attention = ReferenceAttention(
        headCount: f.headCount, kvHeadCount: f.kvHeadCount, headDim: f.headDim, scale: f.scale, isCausal: f.isCausal,
        window: f.window, softCap: f.softCap)
      let y = try attention.attend(
        queries: f.queries, keys: f.keys, values: f.values, queryPositions: f.queryPositions, keyCount: f.keyCount)
      expectClose(y, f.y, relative: 1e-6, absolute: 1e-6)
    }
  }

  @Test("key positions are data: shuffled keys give the same attention, and no visible key gives zeros")
  func attentionPositions() throws {
    var generator = SeededGenerator(seed: 9)
    let attention = ReferenceAttention(headCount: 2, kvHeadCount: 1, headDim: 4, window: 3)
    let (q, k, v) = (generator.floats(8), generator.floats(20), generator.floats(20))
    func shuffled(_ x: [Float], _ order: [Int]) -> [Float] { order.flatMap { x[($0 * 4)..<($0 * 4 + 4)] } }
    let order = [3, 0, 4, 2, 1]
    let plain = try attention.attend(queries: q, keys: k, values: v, queryPositions: [4], keyCount: 5)
    let mixed = try attention.attend(
      queries: q, keys: shuffled(k, order), values: shuffled(v, order), queryPositions: [4], keyCount: 5,
      keyPositions: order)
    expectClose(mixed, plain)
    let blind = try attention.attend(
      queries: q, keys: k, values: v, queryPositions: [0], keyCount: 5, keyPositions: [5, 6, 7, 8, 9])
    #expect(blind == [Float](repeating: 0, count: 8))
  }

  @Test("attention over heads that do not divide, or lengths that do not match, is refused")
  func attentionRefusals() {
    let four = [Float](repeating: 1, count: 4)
    for (heads, kvHeads, dim, keys) in [(3, 2, 1, 2), (1, 0, 4, 1), (1, 1, 4, 2), (1, 1, Int.max, Int.max)] {
      let attention = ReferenceAttention(headCount: heads, kvHeadCount: kvHeads, headDim: dim)
      #expect(throws: ReferenceError.self) {
        try attention.attend(queries: four, keys: four, values: four, queryPositions: [0], keyCount: keys)
      }
    }
  }
}
