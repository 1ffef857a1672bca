import TesseraOperators

/// Rows of a table, by the step's token ids.
struct TokenEmbedding: Sendable {
  let table: WeightMatrix  // (vocabularySize, size), columns padded to whole blocks
  let size: Int
  var scale: Float = 1

  func callAsFunction(_ step: StepBuilder) throws -> Tensor {
    let x = step.tensor(rows: step.tokenCount, columns: table.shape.columns)
    try step.operators.embedding.enqueue(
      step.inputs.ids, table, into: x, tokens: step.tokenCount, scale: scale, on: step.sink)
    return try step.resized(x, columns: size)
  }

  /// The table as the matrix that makes logits.
  var output: Linear { Linear(parts: [(table, 0)], bias: nil, rows: table.shape.rows, columns: size) }
}

/// Rows of a table that are added by each token's position, or its segment.
struct AddedEmbedding: Sendable {
  let table: WeightMatrix  // (positions or segments, columns of x, padded to whole blocks)

  /// `x + table[indices]`, in place where that is possible: nothing else has `x`.
  func callAsFunction(_ x: Tensor, by indices: BufferView, _ step: StepBuilder) throws -> Tensor {
    let sum = try step.resized(x, columns: table.shape.columns)
    try step.operators.embedding.enqueue(indices, table, into: sum, tokens: x.rows, adds: true, on: step.sink)
    return try step.resized(sum, columns: x.columns)
  }
}

/// Logits of normalized hidden states.
struct OutputHead: Sendable {
  let output: Linear  // (vocabularySize, hiddenSize)
  var softCap: Float?
  var scale: Float = 1

  func callAsFunction(_ x: Tensor, _ step: StepBuilder) throws -> Tensor {
    let logits = try output(x, scale: scale, step)
    if let softCap {
      try step.operators.softCap.enqueue(logits, cap: softCap, rows: logits.rows, size: logits.columns, on: step.sink)
    }
    return logits
  }
}
