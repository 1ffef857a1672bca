import TesseraCL
import TesseraMemory
import TesseraOperators

/// Grouped-query attention over the paged cache (Ainslie et al. 2023), with optional QK-norm and sliding window.
struct Attention: Sendable {
  /// What differs from layer to layer and from family to family.
  struct Options: Sendable {
    var shape: FlashAttention.Shape
    var pairing: RotaryTable.Pairing
    /// Which of the family's rotary tables turns the layer's heads.
    var rotaryTable = 0
    var hasQKNorm = false
  }

  // Rows: headCount · headDim queries, kvHeadCount · headDim keys, as many values; columns: embeddingSize.
  // One matrix where the three have one format, else several, each with the row that it begins at.
  let projections: [(matrix: WeightMatrix, firstRow: Int)]
  let output: WeightMatrix  // (embeddingSize, headCount · headDim)
  let queryNorm: Norm?  // (headDim)
  let keyNorm: Norm?  // (headDim)
  let layer: Int
  let options: Options

  init(layer: Int, _ options: Options, _ c: Configuration, _ loader: WeightLoader) throws {
    let prefix = "blk.\(layer)."
    let queries = c.headCount * c.headDim
    let keys = c.kvHeadCount * c.headDim
    projections = try loader.matrices(
      ["attn_q", "attn_k", "attn_v"].map { "\(prefix)\($0).weight" }, rows: [queries, keys, keys],
      columns: c.embeddingSize)
    output = try loader.matrix(["\(prefix)attn_output.weight"], rows: [c.embeddingSize], columns: queries)
    queryNorm = options.hasQKNorm ? try Norm("\(prefix)attn_q_norm.weight", size: c.headDim, loader) : nil
    keyNorm = options.hasQKNorm ? try Norm("\(prefix)attn_k_norm.weight", size: c.headDim, loader) : nil
    self.layer = layer
    self.options = options
  }

  /// `workspace.attended = attention(W_qkv · x)`; keys and values are in the cache afterwards.
  func attend(_ input: NormedInput, _ step: Step) throws {
    let c = step.configuration
    let w = step.workspace
    let width = (c.headCount + 2 * c.kvHeadCount) * c.headDim
    for projection in projections {
      let part = projection.firstRow == 0 ? w.qkv : try Self.part(of: w.qkv, from: projection.firstRow)
      try step.operators.product.enqueue(
        input.x, projection.matrix, into: part, tokens: step.tokenCount, norm: input.norm, yStride: width,
        workspace: w.packed, on: step.target)
    }
    try queryNorm?.inPlace(w.qkv, heads: c.headCount, stride: width, step)
    if let keyNorm {
      try keyNorm.inPlace(
        Self.part(of: w.qkv, from: c.headCount * c.headDim), heads: c.kvHeadCount, stride: width, step)
    }
    let geometry = CacheGeometry(c, step.cache)
    let keys = try step.cache.keys(layer: layer)
    let values = try step.cache.values(layer: layer)
    try step.operators.rotaryStore.enqueue(
      qkv: w.qkv, rotation: step.inputs.rotations[options.rotaryTable], slots: step.inputs.slots, keys: keys,
      values: values,
      tokens: step.tokenCount, headCount: c.headCount, rotaryDim: c.rotaryDim, pairing: options.pairing,
      cache: geometry, on: step.target)
    try step.operators.attention.enqueue(
      q: w.qkv, qStride: width, keys: keys, values: values, tables: step.inputs.tables, tiles: step.inputs.tiles,
      tileCount: step.tileCount,
      tileRows: step.tileRows, positions: step.inputs.positions, into: w.attended, shape: options.shape,
      cache: geometry, split: step.split, on: step.target)
  }

  /// `y = W_o · attended (+ residual)`.
  func project(into y: Buffer, adding residual: Buffer?, _ step: Step) throws {
    let w = step.workspace
    try step.operators.product.enqueue(
      w.attended, output, into: y, tokens: step.tokenCount, epilogue: .init(residual: residual), workspace: w.packed,
      on: step.target)
  }

  private static func part(of buffer: Buffer, from row: Int) throws -> Buffer {
    try buffer.slice(offset: row * 4, byteCount: buffer.byteCount - row * 4)
  }
}

extension CacheGeometry {
  init(_ c: Configuration, _ cache: KVCache) {
    self.init(
      kvHeadCount: c.kvHeadCount, headDim: c.headDim, blockCount: cache.blockCount, blockSize: cache.layout.blockSize,
      element: cache.layout.elementType)
  }
}
