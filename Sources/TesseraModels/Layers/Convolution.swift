import TesseraOperators

/// A convolution over rows, with a row of zeros before the first and behind the last: `b + Σₖ Wₖ · x[stride · t + k - 1]` for
/// three taps k. Patches, which are rows that overlap, and a product.
struct Convolution: Sendable {
  static let taps = 3

  let weights: Linear  // (outputs, taps · inputs), the first tap's columns first
  let inputs: Int
  let stride: Int

  func callAsFunction(_ x: Tensor, activation: Activation.Function, _ step: StepBuilder) throws -> Tensor {
    let gather = step.operators.rowGather
    let padded = step.tensor(rows: x.rows + 2, columns: inputs)
    func row(_ index: Int) -> BufferView { padded.view.advanced(byFloats: index * inputs) }
    for end in [0, x.rows + 1] {
      try gather.enqueue(x, indices: nil, into: row(end), rows: 1, columns: 0, yStride: inputs, on: step.sink)
    }
    try gather.enqueue(x, indices: nil, into: row(1), rows: x.rows, columns: inputs, on: step.sink)
    let columns = weights.parts.first?.matrix.shape.columns ?? weights.columns
    let patches = step.tensor(rows: (x.rows - 1) / stride + 1, columns: columns)
    try gather.enqueue(
      padded, indices: nil, into: patches, rows: patches.rows, columns: Self.taps * inputs, xStride: stride * inputs,
      yStride: columns, on: step.sink)
    return try weights(patches, activation: activation, step)
  }
}

extension ParameterScope {
  /// A convolution of three taps: `weight` (outputs, inputs, 3), `bias` (outputs). Weights stay float32.
  func convolution(_ name: String, inputs: Int, outputs: Int, stride: Int) throws -> Convolution {
    let taps = Convolution.taps
    let read = try valueReader(name, gguf: nil, shape: [outputs, inputs, taps])
    let matrix = try store.matrix(
      {
        let stored = try read()
        return (0..<outputs).flatMap { output in
          (0..<taps).flatMap { tap in (0..<inputs).map { stored[(output * inputs + $0) * taps + tap] } }
        }
      }, rows: outputs, columns: taps * inputs, label: "\(name).weight")
    return Convolution(
      weights: Linear(
        parts: [(matrix, 0)], bias: try vector(name, gguf: nil, "bias", count: outputs), rows: outputs,
        columns: taps * inputs),
      inputs: inputs, stride: stride)
  }
}
