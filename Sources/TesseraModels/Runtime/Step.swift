import TesseraCL
import TesseraMemory
import TesseraOperators

/// One batch on its way through a model: what every layer needs beside its weights.
struct Step {
  let configuration: Configuration
  let operators: Operators
  let workspace: Workspace
  let cache: KVCache
  let inputs: StepInputs
  let queue: Queue
  /// Where the layers' work goes.
  var target: any CommandTarget
  /// Rows of activations: tokens, or after `narrow` those that are wanted.
  private(set) var tokenCount: Int
  private let outputRows: [Int]?
  let tileCount: Int
  let tileRows: Int
  let split: FlashAttention.Split?

  /// Sends what describes the batch to the device: ids, positions, where the tokens lie in the cache, rotations, tiles.
  init(
    _ batch: Batch, configuration: Configuration, operators: Operators, workspace: Workspace, cache: KVCache,
    rotaryTables: [RotaryTable], queue: Queue
  ) throws {
    let blockSize = cache.layout.blockSize
    let tileRows = operators.attention.tileRows(
      longest: batch.pieces.map(\.tokens.count).max() ?? 0, headCount: configuration.headCount,
      kvHeadCount: configuration.kvHeadCount)
    var ids: [UInt32] = []
    var positions: [Int32] = []
    var slots: [UInt32] = []
    var tables: [UInt32] = []
    var tiles: [FlashAttention.Tile] = []
    for piece in batch.pieces {
      let start = piece.sequence.tokenCount
      let reservation = try piece.sequence.reserve(piece.tokens.count)
      try operators.cacheBlocks.enqueue(reservation.work, of: cache, on: queue)
      let blocks = reservation.tables[0].blocks
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
    inputs = try StepInputs(
      ids: ids, positions: positions, slots: slots, tiles: tiles,
      rotations: rotaryTables.map { $0.rows(at: positions.lazy.map { Int($0) }) }, tables: tables,
      to: workspace.inputs, on: queue)
    self.configuration = configuration
    self.operators = operators
    self.workspace = workspace
    self.cache = cache
    self.queue = queue
    target = queue
    tokenCount = ids.count
    outputRows = batch.outputRows
    tileCount = tiles.count
    self.tileRows = tileRows
    split = Self.split(
      tokens: ids.count, tileCount: tiles.count, longest: Int(positions.max() ?? 0) + 1, configuration, operators,
      workspace, cache)
  }

  /// How attention's keys are split, where its tiles are too few for the device.
  private static func split(
    tokens: Int, tileCount: Int, longest: Int, _ c: Configuration, _ operators: Operators, _ workspace: Workspace,
    _ cache: KVCache
  ) -> FlashAttention.Split? {
    let count = operators.attention.splitCount(tileCount: tileCount, longest: longest, kvHeadCount: c.kvHeadCount)
    guard count > 1, tokens <= Workspace.splitTokens else { return nil }
    return FlashAttention.Split(
      count: count, tokens: tokens, longest: cache.layout.blockSize * cache.blockCount, partials: workspace.partials)
  }

  /// Keeps only the rows that are wanted of the residual stream and of attention's output, one behind another: the last
  /// layer does it once attention has seen all tokens.
  mutating func narrow() throws {
    guard let outputRows else { return }
    let c = configuration
    for (buffer, size) in [(workspace.hidden, c.embeddingSize), (workspace.attended, c.headCount * c.headDim)] {
      // Upwards, so that no row is overwritten before it was moved.
      for (to, from) in outputRows.enumerated() where to != from {
        try operators.rowCopy.enqueue(buffer, from: from, to: to, columns: size, on: target)
      }
    }
    tokenCount = outputRows.count
  }
}
