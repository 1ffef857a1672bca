import TesseraCL
import TesseraMemory
import TesseraOperators

/// Where the data of a batch lies in the buffer of inputs. It depends on the step's shape alone, but for the block tables at the
/// end.
struct StepInputs: Sendable {
  /// The inputs of one group of attention layers.
  struct Group: Sendable {
    var slots: BufferView  // (tokens) UInt32
    var singleTiles: BufferView  // (singleCount) FlashAttention.Tile
    var tiles: BufferView  // (tileCount) FlashAttention.Tile
  }

  let ids: BufferView  // (tokens) UInt32
  let rows: BufferView  // (tokens) Int32: the row in the sequence, which masks go by
  let positions: BufferView  // (tokens) UInt32
  let tokenTypes: BufferView  // (tokens) UInt32, where the shape has them
  let features: BufferView  // (tokens, columns) Float, of a source that is no ids
  let outputs: BufferView  // (outputCount) UInt32: rows of the step
  let adapterTokens, adapterOutputs: BufferView  // lists of tiles (Kernels/matmul/rows.cl), where the shape has them
  let groups: [Group]
  let tables: BufferView  // UInt32: block ids of all groups and sequences
  /// Bytes before the tables.
  let fixedBytes: Int

  private static let alignment = 64

  init(_ shape: StepShape, _ profile: ModelProfile, in memory: BufferView.Memory, at start: Int = 0) {
    var end = 0
    func section(_ bytes: Int) -> BufferView {
      defer { end += (bytes + Self.alignment - 1) / Self.alignment * Self.alignment }
      return BufferView(memory, byteOffset: start + end)
    }
    let tokens = shape.tokenCount
    let tile = MemoryLayout<FlashAttention.Tile>.stride
    ids = section(tokens * 4)
    rows = section(tokens * 4)
    positions = section(tokens * 4)
    tokenTypes = section(shape.hasTokenTypes ? tokens * 4 : 0)
    let columns = shape.part == .source ? profile.sourceFeatures?.columns ?? 0 : 0
    features = section(tokens * columns * 4)
    outputs = section(shape.selectsOutputs ? shape.outputCount * 4 : 0)
    adapterTokens = section(shape.adapterTokens.listBytes(rows: tokens))
    adapterOutputs = section(shape.adapterOutputs.listBytes(rows: shape.outputCount))
    groups = shape.groups.map { group in
      Group(
        slots: section(tokens * 4), singleTiles: section(shape.singleCount * tile),
        tiles: section(group.tileCount * tile))
    }
    tables = section(0)
    fixedBytes = end
  }

  /// Bytes for batches of at most `tokens` tokens whose tables have at most `tableEntries` block ids.
  static func mostBytes(tokens: Int, tableEntries: Int, hasAdapters: Bool, _ profile: ModelProfile) -> Int {
    var shape = StepShape(part: .source, tokenCount: tokens, outputCount: tokens)
    shape.singleCount = tokens
    shape.groups = profile.attentionGroups.map { _ in .init(tileCount: tokens) }
    (shape.selectsOutputs, shape.hasTokenTypes) = (true, true)
    if hasAdapters {
      shape.adapterTokens.runs = tokens
      shape.adapterOutputs.runs = tokens
    }
    return StepInputs(shape, profile, in: .planned("inputs")).fixedBytes + tableEntries * 4
  }
}

/// The bytes of a batch's inputs, laid out as `StepInputs` says.
struct StepData {
  var ids: [UInt32] = []
  var rows: [Int32] = []
  var positions: [UInt32] = []
  var tokenTypes: [UInt32] = []
  var features: [Float] = []
  var outputs: [UInt32] = []
  var adapterTokens: [Int32] = []
  var adapterOutputs: [Int32] = []
  var groups: [Group]
  var tables: [UInt32] = []

  struct Group {
    var slots: [UInt32] = []
    var singleTiles: [FlashAttention.Tile] = []
    var tiles: [FlashAttention.Tile] = []
  }

  func bytes(_ shape: StepShape, _ inputs: StepInputs) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: inputs.fixedBytes + tables.count * 4)
    func put<T: BitwiseCopyable>(_ values: [T], _ view: BufferView) {
      values.withUnsafeBytes { source in
        bytes.withUnsafeMutableBytes { target in
          let offset = view.byteOffset - inputs.ids.byteOffset
          guard source.count > 0, offset + source.count <= target.count else { return }
          UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count]).copyMemory(from: source)
        }
      }
    }
    put(ids, inputs.ids)
    put(rows, inputs.rows)
    put(positions, inputs.positions)
    if shape.hasTokenTypes { put(tokenTypes, inputs.tokenTypes) }
    put(features, inputs.features)
    if shape.selectsOutputs { put(outputs, inputs.outputs) }
    put(adapterTokens, inputs.adapterTokens)
    put(adapterOutputs, inputs.adapterOutputs)
    for (group, views) in zip(groups, inputs.groups) {
      put(group.slots, views.slots)
      put(group.singleTiles, views.singleTiles)
      put(group.tiles, views.tiles)
    }
    put(tables, inputs.tables)
    return bytes
  }
}
