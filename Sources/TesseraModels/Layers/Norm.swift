import TesseraCL
import TesseraMemory
import TesseraOperators

/// RMSNorm with its weight.
struct Norm: Sendable {
  let weight: DeviceAllocation  // (size)
  let size: Int

  init(_ name: String, size: Int, _ loader: WeightLoader) throws {
    weight = try loader.vector(name, count: size)
    self.size = size
  }

  /// `y = norm(x) (+ residual)` of every token.
  func callAsFunction(_ x: Buffer, into y: Buffer, adding residual: Buffer? = nil, _ step: Step) throws {
    try step.operators.norm.enqueue(
      x, weight: weight.buffer, into: y, rows: .init(columns: size), count: step.tokenCount,
      epsilon: step.configuration.normEpsilon, residual: residual, on: step.target)
  }

  /// `norm(x)` for the products that follow: computed into `y`, or left to them where they can do it.
  func input(_ x: Buffer, by y: Buffer, _ step: Step) throws -> NormedInput {
    if step.operators.product.fusesNorm(tokens: step.tokenCount, columns: size) {
      return NormedInput(x: x, norm: .init(weight: weight.buffer, epsilon: step.configuration.normEpsilon))
    }
    try self(x, into: y, step)
    return NormedInput(x: y, norm: nil)
  }

  /// Normalises each of `heads` heads at the start of a token's row of `stride` floats, in place (QK-norm).
  func inPlace(_ x: Buffer, heads: Int, stride: Int, _ step: Step) throws {
    try step.operators.norm.enqueue(
      x, weight: weight.buffer, into: x, rows: .init(heads: heads, columns: size, stride: stride),
      count: step.tokenCount, epsilon: step.configuration.normEpsilon, on: step.target)
  }
}

/// A block's input, and the norm that its products are still to apply.
struct NormedInput {
  let x: Buffer  // (tokens, size)
  let norm: MatrixProduct.Norm?
}
