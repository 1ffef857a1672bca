import TesseraCL
import TesseraMemory
import TesseraOperators

/// One batch on its way through a model: what every layer needs beside its weights.
struct Step {
  let configuration: Configuration
  let operators: Operators
  let workspace: Workspace
  let cache: KVCache
  let queue: Queue
  let tokenCount: Int
  let tileCount: Int
  let tileRows: Int

  /// Sends what describes the batch to the device: ids, positions, where the tokens lie in the cache, rotations, tiles.
  init(
    _ batch: Batch, configuration: Configuration, operators: Operators, workspace: Workspace, cache: KVCache,
    rotaryTables: [RotaryTable], queue: Queue
  ) throws {
    let blockSize = cache.layout.blockSize
    let tileRows = operators.attention.tileRows(longest: batch.pieces.map(\.tokens.count).max() ?? 0)
    var ids: [UInt32] = []
    var positions: [Int32] = []
    var slots: [UInt32] = []
    var tables: [UInt32] = []
    var tiles: [FlashAttention.Tile] = []
    for piece in batch.pieces {
      let start = piece.sequence.tokenCount
      let blocks = try piece.sequence.reserve(piece.tokens.count, on: queue)
      let firstToken = ids.count
      for (index, token) in piece.tokens.enumerated() {
        guard (0..<configuration.vocabularyCount).contains(token) else {
          throw ModelError(
            .badBatch, "token id \(token): the vocabulary has \(configuration.vocabularyCount), ids begin at 0")
        }
        let position = start + index
        ids.append(UInt32(token))
        positions.append(Int32(position))
        slots.append(UInt32(Int(blocks[position / blockSize]) * blockSize + position % blockSize))
      }
      for first in stride(from: 0, to: piece.tokens.count, by: tileRows) {
        tiles.append(
          FlashAttention.Tile(
            firstToken: firstToken + first, count: min(tileRows, piece.tokens.count - first), tableOffset: tables.count)
        )
      }
      tables.append(contentsOf: blocks.map { UInt32($0) })
    }
    try queue.write(ids, to: workspace.ids)
    try queue.write(positions, to: workspace.positions)
    try queue.write(slots, to: workspace.slots)
    try queue.write(tables, to: workspace.tables)
    try queue.write(tiles, to: workspace.tiles)
    for (table, buffer) in zip(rotaryTables, workspace.rotations) {
      try queue.write(table.rows(at: positions.lazy.map { Int($0) }), to: buffer)
    }
    if ids.count == 1 { try queue.fill(workspace.counters, byteCount: workspace.counters.byteCount) }
    self.configuration = configuration
    self.operators = operators
    self.workspace = workspace
    self.cache = cache
    self.queue = queue
    tokenCount = ids.count
    tileCount = tiles.count
    self.tileRows = tileRows
  }
}
