import TesseraOperators

/// The matrices of all experts of a layer.
struct ExpertMatrices: Sendable {
  let gateUp: WeightMatrix  // experts of (2 · size, hiddenSize), groups of gate and up rows alternating
  let down: WeightMatrix  // experts of (hiddenSize, size)
  /// In the order of the rows, an expert's behind another's, each padded to groups of 16.
  var gateUpBias, downBias: Vector?
  /// Where they stay in host memory (`ExpertResidency`), their number there.
  var hostLayer: Int?
}

/// A mixture of experts: each token goes through the `topK` gated MLPs that the router likes best, weighted by the
/// softmax of their scores (Mixtral, Jiang et al. 2024), or as `gate` says. Which they are, only the device knows.
struct Experts: Sendable {
  /// An MLP that all tokens go through, beside those that they choose (DeepSeekMoE, Dai et al. 2024).
  struct Shared: Sendable {
    let mlp: GatedMLP
    /// Of what it gives, behind a sigmoid, (1, hiddenSize); nil: as it is.
    var gate: Linear?
  }

  let router: Linear  // (expertCount, hiddenSize)
  let matrices: ExpertMatrices
  let topK: Int
  let activation: Activation.Function
  var gate = ExpertRouter.Gate()
  var shared: Shared?

  /// `scale · (Σ weight · expert(x) + shared(x)) (+ residual)`.
  ///
  /// - Parameter x: (tokens, hiddenSize), normalized: experts' products apply no norm.
  func callAsFunction(_ x: Tensor, scale: Float = 1, adding residual: Tensor? = nil, _ step: StepBuilder) throws
    -> Tensor
  {
    let product = step.operators.product
    var gate = gate
    gate.scale *= scale
    var (residual, gated) = (residual, (x: Tensor, gate: Tensor)?.none)
    if let shared, let own = shared.gate {
      gated = (try shared.mlp(NormedTensor(x), scale: scale, step), try own(x, step))
    } else if let shared {
      residual = try shared.mlp(NormedTensor(x), scale: scale, adding: residual, step)
    }
    let scores = try router(x, step)
    let x = try step.resized(x, columns: matrices.gateUp.shape.columns)
    let count = router.rows
    let routing = ExpertRouter.Routing(
      tokens: x.rows, expertCount: count, topK: topK,
      tileTokens: product.expertTileTokens(
        tokens: x.rows, topK: topK, expertCount: count, matrices: [matrices.gateUp.shape, matrices.down.shape]))
    let choices = ExpertRouter.Choices(
      weights: step.bytes(routing.weightBytes), slots: step.bytes(routing.slotBytes),
      list: step.bytes(routing.listBytes), order: step.bytes(routing.orderBytes))
    try step.operators.router.route(scores, routing, gate: gate, into: choices, on: step.sink)

    func experts(gathers: Bool) -> MatrixProduct.Experts {
      .init(list: choices.list, order: choices.order, gathers: gathers, routing: routing)
    }
    func workspace(_ columns: Int) -> MatrixProduct.Workspace {
      step.productWorkspace(rows: routing.mostTiles * routing.tileTokens, columns: columns)
    }
    let (hiddenSize, size) = (matrices.down.shape.rows, matrices.gateUp.shape.rows / 2)
    let results = step.tensor(rows: routing.slotCount, columns: hiddenSize)
    func products() throws {
      var inner = step.tensor(rows: routing.slotCount, columns: size)
      try product.enqueue(
        x, matrices.gateUp, into: inner, tokens: x.rows, epilogue: .init(bias: matrices.gateUpBias, gate: activation),
        workspace: workspace(x.columns), experts: experts(gathers: true), on: step.sink)
      inner = try step.resized(inner, columns: matrices.down.shape.columns)
      try product.enqueue(
        inner, matrices.down, into: results, tokens: x.rows, epilogue: .init(bias: matrices.downBias),
        workspace: workspace(inner.columns), experts: experts(gathers: false), on: step.sink)
    }
    if step.shape.watchesExperts || matrices.hostLayer != nil {
      try step.sink.section(
        .init(
          list: choices.list.view, listBytes: routing.listBytes, expertCount: count, hostLayer: matrices.hostLayer),
        products)
    } else {
      try products()
    }
    let y = step.tensor(rows: x.rows, columns: hiddenSize)
    try step.operators.router.combine(
      results, choices, routing, columns: hiddenSize, shared: gated.map { ($0.x, $0.gate) }, residual: residual,
      into: y, on: step.sink)
    return y
  }
}
