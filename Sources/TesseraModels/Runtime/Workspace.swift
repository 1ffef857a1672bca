import TesseraCL
import TesseraMemory
import TesseraOperators

/// The step-local memory of a model: activations, and what describes the batch.
struct Workspace: Sendable {
  let hidden: Buffer  // (tokens, embeddingSize): the residual stream
  let normed: Buffer  // (tokens, embeddingSize); in a fused layer (work-groups, embeddingSize)
  let branch: Buffer  // (tokens, embeddingSize): a block's output before its norm
  let qkv: Buffer  // (tokens, (headCount + 2 · kvHeadCount) · headDim)
  let attended: Buffer  // (tokens, headCount · headDim)
  let gated: Buffer  // (tokens, feedForwardSize)
  let packed: MatrixProduct.Workspace
  let ids: Buffer  // (tokens) UInt32
  let positions: Buffer  // (tokens) Int32
  let slots: Buffer  // (tokens) UInt32
  let tables: Buffer  // UInt32
  let tiles: Buffer
  let rotations: [Buffer]  // per rotary table (tokens, rotaryDim / 2, 2)
  let selected: Buffer  // (logitRows, embeddingSize)
  let selectedNormed: Buffer  // (logitRows, embeddingSize)
  let logits: Buffer  // (logitRows, vocabularyCount)
  let candidateValues: Buffer
  let candidateIDs: Buffer
  let penalised: Buffer  // UInt32
  let counters: Buffer  // of a fused layer

  /// What a model of this configuration needs, before anything is allocated.
  ///
  /// - Parameters:
  ///   - tokens: the most that one step takes.
  ///   - contextLength: the most that all sequences of a step hold.
  static func plan(
    _ c: Configuration, tokens: Int, contextLength: Int, blockSize: Int, rotaryTables: Int, limits: DeviceLimits
  ) throws(MemoryError) -> ArenaPlan {
    let widest = max(c.embeddingSize, c.feedForwardSize, c.headCount * c.headDim)
    let rows = logitRows(c)
    var requests: [ArenaPlan.Request] = [
      .init("hidden", byteCount: tokens * c.embeddingSize * 4),
      .init("normed", byteCount: max(tokens, rows, DecodeLayer.groupCount(limits)) * c.embeddingSize * 4),
      .init("branch", byteCount: tokens * c.embeddingSize * 4),
      .init("qkv", byteCount: tokens * (c.headCount + 2 * c.kvHeadCount) * c.headDim * 4),
      .init("attended", byteCount: tokens * c.headCount * c.headDim * 4),
      .init("gated", byteCount: tokens * c.feedForwardSize * 4),
      .init("packed", byteCount: MatrixProduct.Workspace.packedBytes(tokens: max(tokens, rows), columns: widest)),
      .init("sums", byteCount: MatrixProduct.Workspace.sumBytes(tokens: max(tokens, rows), columns: widest)),
      .init("ids", byteCount: tokens * 4),
      .init("positions", byteCount: tokens * 4),
      .init("slots", byteCount: tokens * 4),
      .init("tables", byteCount: (contextLength / blockSize + tokens + 1) * 4),
      .init("tiles", byteCount: tokens * 16),
      .init("selected", byteCount: rows * c.embeddingSize * 4),
      .init("selectedNormed", byteCount: rows * c.embeddingSize * 4),
      .init("logits", byteCount: rows * c.vocabularyCount * 4),
      .init("candidateValues", byteCount: Candidates.resultBytes(rows: 1, keep: Candidates.limit)),
      .init("candidateIDs", byteCount: Candidates.resultBytes(rows: 1, keep: Candidates.limit)),
      .init("penalised", byteCount: penaltyWindow * 4),
      .init("counters", byteCount: DecodeLayer.counterBytes(limits)),
    ]
    for table in 0..<rotaryTables {
      requests.append(.init("rotation\(table)", byteCount: tokens * c.rotaryDim * 4))
    }
    return try ArenaPlan(requests, alignment: limits.baseAddressAlignment)
  }

  /// Rows of logits that are computed at once: few enough that a large vocabulary's fit in 64 MiB.
  static func logitRows(_ c: Configuration) -> Int { max(1, min(48, (64 << 20) / (c.vocabularyCount * 4))) }

  /// The most tokens that a repetition penalty looks back over.
  static let penaltyWindow = 4096

  init(_ arena: StepArena, rotaryTables: Int) throws(MemoryError) {
    hidden = try arena.slice("hidden")
    normed = try arena.slice("normed")
    branch = try arena.slice("branch")
    qkv = try arena.slice("qkv")
    attended = try arena.slice("attended")
    gated = try arena.slice("gated")
    packed = MatrixProduct.Workspace(packed: try arena.slice("packed"), sums: try arena.slice("sums"))
    ids = try arena.slice("ids")
    positions = try arena.slice("positions")
    slots = try arena.slice("slots")
    tables = try arena.slice("tables")
    tiles = try arena.slice("tiles")
    selected = try arena.slice("selected")
    selectedNormed = try arena.slice("selectedNormed")
    logits = try arena.slice("logits")
    candidateValues = try arena.slice("candidateValues")
    candidateIDs = try arena.slice("candidateIDs")
    penalised = try arena.slice("penalised")
    counters = try arena.slice("counters")
    var rotations: [Buffer] = []
    for table in 0..<rotaryTables { rotations.append(try arena.slice("rotation\(table)")) }
    self.rotations = rotations
  }
}
