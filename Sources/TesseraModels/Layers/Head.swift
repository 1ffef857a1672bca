import TesseraCL
import TesseraOperators

/// Token embeddings, and what makes logits of hidden states: the final norm and the output matrix.
struct Head: Sendable {
  let embedding: WeightMatrix  // (vocabularyCount, embeddingSize)
  let norm: Norm  // (embeddingSize)
  let output: WeightMatrix  // (vocabularyCount, embeddingSize); the embedding where they are tied
  let embeddingFactor: Float
  let softCap: Float?

  init(_ c: Configuration, _ loader: WeightLoader, embeddingFactor: Float = 1, softCap: Float? = nil) throws {
    embedding = try loader.matrix(["token_embd.weight"], rows: [c.vocabularyCount], columns: c.embeddingSize)
    norm = try Norm("output_norm.weight", size: c.embeddingSize, loader)
    output =
      loader.has("output.weight")
      ? try loader.matrix(["output.weight"], rows: [c.vocabularyCount], columns: c.embeddingSize) : embedding
    self.embeddingFactor = embeddingFactor
    self.softCap = softCap
  }

  /// Hidden states of the step's token ids.
  func embed(_ step: Step) throws {
    try step.operators.embedding.enqueue(
      step.inputs.ids, embedding, into: step.workspace.hidden, tokens: step.tokenCount, factor: embeddingFactor,
      on: step.queue)
  }

  /// Logits, (rows, vocabularyCount), of the hidden states `x`, (rows, embeddingSize).
  func logits(
    of x: Buffer, rows: Int, _ c: Configuration, _ operators: Operators, _ workspace: Workspace,
    on target: some CommandTarget
  ) throws {
    try operators.norm.enqueue(
      x, weight: norm.weight.buffer, into: workspace.selectedNormed, rows: .init(columns: c.embeddingSize), count: rows,
      epsilon: c.normEpsilon, on: target)
    try operators.product.enqueue(
      workspace.selectedNormed, output, into: workspace.logits, tokens: rows, workspace: workspace.packed, on: target)
    if let softCap {
      try operators.softCap.enqueue(workspace.logits, cap: softCap, count: rows * c.vocabularyCount, on: target)
    }
  }
}
