import TesseraOperators

/// Attention over a paged cache (Vaswani et al. 2017; grouped queries, Ainslie et al. 2023).
struct Attention: Sendable {
  /// The differences between layers and families.
  struct Options: Sendable {
    var headCount: Int
    var kvHeadCount: Int
    var headDim: Int
    /// The cache's number of the layer.
    var layer: Int
    /// Factor of the scores, usually 1/√headDim.
    var scale: Float
    var softCap: Float?
    /// Which of the family's rotary tables turns the heads; nil: none.
    var rotaryTable: Int?
    var pairing = RotaryTable.Pairing.neox

    var queryColumns: Int { headCount * headDim }
    var keyColumns: Int { kvHeadCount * headDim }
  }

  // Rows: headCount · headDim queries, kvHeadCount · headDim keys, as many values.
  let projections: Linear
  let output: Linear  // (hiddenSize, headCount · headDim)
  var queryNorm: Normalization?  // (headDim), or of all heads together
  var keyNorm: Normalization?
  /// Relative bias, ALiBi's slopes, learned sinks.
  var extras = FlashAttention.Extras()
  let options: Options

  /// Returns what `input`'s queries gather, (rows, headCount · headDim); keys and values are in the cache afterward.
  func callAsFunction(_ input: NormedTensor, _ step: StepBuilder) throws -> Tensor {
    let o = options
    let qkv = try projections(input, step)
    try queryNorm?.inPlace(qkv, column: 0, count: o.queryColumns, step)
    try keyNorm?.inPlace(qkv, column: o.queryColumns, count: o.keyColumns, step)
    try step.store(
      qkv, row: .init(stride: qkv.columns, queries: 0, keys: o.queryColumns, values: o.queryColumns + o.keyColumns),
      layer: o.layer, headCount: o.headCount, rotaryTable: o.rotaryTable, pairing: o.pairing)
    return try step.attend(qkv, layer: o.layer, scale: o.scale, softCap: o.softCap, extras: extras)
  }
}

/// Attention of a decoder over its encoder's output, whose keys and values were stored once (Vaswani et al. 2017,
/// 3.2.3).
struct CrossAttention: Sendable {
  let queries: Linear  // (headCount · headDim, hiddenSize)
  let keysValues: Linear  // (2 · headCount · headDim, hiddenSize)
  let output: Linear
  let options: Attention.Options

  func callAsFunction(_ input: NormedTensor, _ step: StepBuilder) throws -> Tensor {
    let q = try queries(input, step)
    return try step.attend(q, layer: options.layer, scale: options.scale)
  }

  /// Stores the keys and values of the encoder's output.
  func store(_ source: Tensor, _ step: StepBuilder) throws {
    let kv = try keysValues(source, step)
    try step.store(
      kv, row: .init(stride: kv.columns, queries: 0, keys: 0, values: options.keyColumns), layer: options.layer,
      headCount: 0, rotaryTable: nil, pairing: options.pairing)
  }
}

extension StepBuilder {
  /// Turns heads, from element `rotaryAt` on, and stores keys and values in the cache.
  func store(
    _ x: Tensor, row: RotaryStore.Row, layer number: Int, headCount: Int, rotaryTable: Int?, rotaryAt: Int = 0,
    stores: Bool = true, pairing: RotaryTable.Pairing
  ) throws {
    let layer = try cache.layer(number)
    try operators.rotaryStore.enqueue(
      x, row: row, rotation: rotaryTable.map(rotation), slots: inputs.groups[layer.group].slots,
      keys: layer.keys, values: layer.values, tokens: x.rows, headCount: headCount,
      rotaryDim: rotaryTable.map { profile.rotaryTables[$0].rotaryDim } ?? 0, rotaryAt: rotaryAt, stores: stores,
      pairing: pairing,
      cache: cache.geometries[layer.group], on: sink)
  }

  /// Attends queries, the first columns of `q`, to a layer's cache, in the form that its group asks for: first the
  /// sequences of one token, then the others, so that one token costs beside a prompt what it costs alone.
  func attend(
    _ q: Tensor, layer number: Int, scale: Float, softCap: Float? = nil, extras: FlashAttention.Extras = .init()
  ) throws -> Tensor {
    let layer = try cache.layer(number)
    let geometry = cache.geometries[layer.group]
    let group = shape.groups[layer.group]
    let attention = profile.attentionGroups[layer.group].shape(scale: scale, softCap: softCap)
    let out = tensor(rows: q.rows, columns: attention.headCount * geometry.resultDim)
    let views = inputs.groups[layer.group]
    let operation = operators.attention[layer.group]
    func run(_ tiles: BufferView, count: Int, isOne: Bool, firstToken: Int, tokens: Int, splits: Int) throws {
      guard count > 0 else { return }
      let split: FlashAttention.Split? =
        splits > 1
        ? .init(
          count: splits, firstToken: firstToken, tokens: tokens, longest: cache.longest,
          partials: bytes(
            FlashAttention.partialBytes(
              tokens: firstToken + tokens, headCount: attention.headCount, valueDim: geometry.valueDim,
              longest: cache.longest))) : nil
      try operation.enqueue(
        q: q, qStride: q.columns, keys: layer.keys, values: layer.values, tables: inputs.tables, tiles: tiles,
        tileCount: count,
        tileRows: operation.tileRows(
          longest: isOne ? 1 : 2, headCount: attention.headCount, kvHeadCount: geometry.kvHeadCount),
        positions: inputs.rows, into: out, shape: attention, cache: geometry, extras: extras, split: split, on: sink)
    }
    try run(
      views.singleTiles, count: shape.singleCount, isOne: true, firstToken: 0, tokens: shape.singleCount,
      splits: group.singleSplits)
    try run(
      views.tiles, count: group.tileCount, isOne: false, firstToken: shape.singleCount,
      tokens: shape.tokenCount - shape.singleCount, splits: group.splits)
    return out
  }
}
