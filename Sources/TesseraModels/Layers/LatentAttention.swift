import TesseraOperators

/// Latent attention (MLA, DeepSeek-V2, 2024): the cache holds a latent vector of each token, which keys and values of all
/// heads are made of, and one part of a key that turns and that all heads share.
///
/// Nothing is expanded: queries are brought to the latent space, where scores are the same, and what they gather back.
struct LatentAttention: Sendable {
  struct Sizes: Sendable {
    var headCount: Int
    /// Of a query's head: what does not turn, and what does.
    var plainDim: Int
    var rotaryDim: Int
    var latentDim: Int
    /// Of a value's head.
    var valueDim: Int

    var queryDim: Int { plainDim + rotaryDim }
    /// Of a key in the cache.
    var keyDim: Int { latentDim + rotaryDim }
  }

  /// A latent vector of queries as well.
  struct QueryLatent: Sendable {
    let down: Linear  // (rank, hiddenSize)
    let norm: Normalization  // (rank)
  }

  let sizes: Sizes
  let queryLatent: QueryLatent?
  let queries: Linear  // (headCount · queryDim, rank or hiddenSize)
  let latent: Linear  // (latentDim + rotaryDim, hiddenSize)
  let latentNorm: Normalization  // (latentDim)
  let keyUp: WeightMatrix  // heads of (latentDim, plainDim): transposed
  let valueUp: WeightMatrix  // heads of (valueDim, latentDim)
  let output: Linear  // (hiddenSize, headCount · valueDim)
  /// The cache's number of the layer.
  let layer: Int
  /// Factor of the scores.
  let scale: Float
  let pairing: RotaryTable.Pairing

  /// Returns the values that `input`'s queries gather, (rows, headCount · valueDim).
  func callAsFunction(_ input: NormedTensor, _ step: StepBuilder) throws -> Tensor {
    let kv = try latent(input, step)
    try latentNorm.inPlace(kv, column: 0, count: sizes.latentDim, step)
    try step.store(
      kv, row: .init(stride: kv.columns, queries: 0, keys: 0, values: 0), layer: layer, headCount: 0, rotaryTable: 0,
      rotaryAt: sizes.latentDim, pairing: pairing)

    let q = try latentQueries(queryLatent.map { try $0.norm.input($0.down(input, step), step) } ?? input, step)
    try step.store(
      q, row: .init(stride: q.columns, queries: 0, keys: 0, values: 0), layer: layer, headCount: sizes.headCount,
      rotaryTable: 0, rotaryAt: sizes.latentDim, stores: false, pairing: pairing)
    let gathered = try step.attend(q, layer: layer, scale: scale)

    let heads = gathered.rows * sizes.headCount
    let y = step.tensor(rows: gathered.rows, columns: sizes.headCount * sizes.valueDim)
    try step.products(
      of: Tensor(view: gathered.view, rows: heads, columns: sizes.latentDim), with: valueUp, into: y,
      stride: sizes.valueDim)
    return y
  }

  /// Queries whose plain part is in the latent space, before they are turned.
  private func latentQueries(_ input: NormedTensor, _ step: StepBuilder) throws -> Tensor {
    let q = try queries(input, step)
    let heads = q.rows * sizes.headCount
    let result = step.tensor(rows: q.rows, columns: sizes.headCount * sizes.keyDim)
    func copy(_ x: Tensor, from column: Int, columns: Int, into y: Tensor, at place: Int, stride: Int) throws {
      try step.operators.rowGather.enqueue(
        x.view.advanced(byFloats: column), indices: nil, into: y.view.advanced(byFloats: place), rows: heads,
        columns: columns, xStride: sizes.queryDim, yStride: stride, leavesRest: place > 0, on: step.sink)
    }
    let plain = step.tensor(rows: heads, columns: keyUp.shape.columns)
    try copy(q, from: 0, columns: sizes.plainDim, into: plain, at: 0, stride: plain.columns)
    try step.products(of: plain, with: keyUp, into: result, stride: sizes.keyDim)
    try copy(
      q, from: sizes.plainDim, columns: sizes.rotaryDim, into: result, at: sizes.latentDim, stride: sizes.keyDim)
    return result
  }
}

/// Rows of heads as slots (`ExpertRouter.routeHeads`).
struct HeadSlots {
  let slots: BufferView
  let experts: MatrixProduct.Experts
}

extension StepBuilder {
  /// The product of each token's heads, rows token · heads + head of `x`, with the matrix of the head, into the same rows of
  /// `y`, which are `stride` floats apart.
  func products(of x: Tensor, with matrix: WeightMatrix, into y: Tensor, stride: Int) throws {
    let x = try resized(x, columns: matrix.shape.columns)
    let heads = try headSlots(rows: x.rows, matrix)
    let routing = heads.experts.routing
    let result = tensor(rows: x.rows, columns: matrix.shape.rows)
    try operators.product.enqueue(
      x, matrix, into: result, tokens: x.rows,
      workspace: productWorkspace(rows: routing.mostTiles * routing.tileTokens, columns: x.columns),
      experts: heads.experts, on: sink)
    try operators.rowGather.enqueue(
      result, indices: heads.slots, into: y, rows: x.rows, columns: result.columns, yStride: stride, leavesRest: true,
      on: sink)
  }

  private func headSlots(rows: Int, _ matrix: WeightMatrix) throws -> HeadSlots {
    let count = matrix.expertCount
    let tile = operators.product.expertTileTokens(
      tokens: rows, topK: 1, expertCount: count, matrices: [matrix.shape])
    if let known = headSlots[tile], known.experts.routing.tokens == rows { return known }
    let routing = ExpertRouter.Routing(tokens: rows, expertCount: count, topK: 1, tileTokens: tile)
    let (slots, list, order) = (bytes(routing.slotBytes), bytes(routing.listBytes), bytes(routing.orderBytes))
    try operators.router.routeHeads(
      tokens: rows / count, routing, slots: slots, list: list, order: order, on: sink)
    let made = HeadSlots(
      slots: slots, experts: .init(list: list, order: order, gathers: true, routing: routing))
    headSlots[tile] = made
    return made
  }
}
