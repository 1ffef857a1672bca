import TesseraCL
import TesseraMemory
import TesseraOperators

/// The step-local memory of a model: activations, and room for what describes the batch.
struct Workspace: Sendable {
  let hidden: Buffer  // (tokens, embeddingSize): the residual stream
  let normed: Buffer  // (tokens, embeddingSize)
  let branch: Buffer  // (tokens, embeddingSize): a block's output before its norm
  let qkv: Buffer  // (tokens, (headCount + 2 · kvHeadCount) · headDim)
  let attended: Buffer  // (tokens, headCount · headDim)
  let partials: Buffer  // of attention whose keys are split: `FlashAttention.Split`
  let gated: Buffer  // (tokens, feedForwardSize)
  let packed: MatrixProduct.Workspace
  let inputs: Buffer  // what describes the batch: `StepInputs`
  let programs: [Buffer]  // commands of a step of one token, and of many: `StepProgram`
  let selected: Buffer  // (logitRows, embeddingSize)
  let selectedNormed: Buffer  // (logitRows, embeddingSize)
  let logits: Buffer  // (logitRows, vocabularyCount)
  let candidateValues: Buffer
  let candidateIDs: Buffer
  let penalised: Buffer  // UInt32

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
    let requests: [ArenaPlan.Request] = [
      .init("hidden", byteCount: tokens * c.embeddingSize * 4),
      .init("normed", byteCount: max(tokens, rows) * c.embeddingSize * 4),
      .init("branch", byteCount: tokens * c.embeddingSize * 4),
      .init("qkv", byteCount: tokens * (c.headCount + 2 * c.kvHeadCount) * c.headDim * 4),
      .init("attended", byteCount: tokens * c.headCount * c.headDim * 4),
      .init(
        "partials",
        byteCount: FlashAttention.partialBytes(
          tokens: min(tokens, splitTokens), headCount: c.headCount, valueDim: c.headDim, longest: contextLength)),
      .init("gated", byteCount: tokens * c.feedForwardSize * 4),
      .init("packed", byteCount: MatrixProduct.Workspace.packedBytes(tokens: max(tokens, rows), columns: widest)),
      .init("sums", byteCount: MatrixProduct.Workspace.sumBytes(tokens: max(tokens, rows), columns: widest)),
      .init(
        "inputs",
        byteCount: StepInputs.byteCount(
          tokens: tokens, blocks: contextLength / blockSize + tokens + 1, rotaryTables: rotaryTables,
          rotaryDim: c.rotaryDim, alignment: limits.baseAddressAlignment)),
      .init("selected", byteCount: rows * c.embeddingSize * 4),
      .init("selectedNormed", byteCount: rows * c.embeddingSize * 4),
      .init("logits", byteCount: rows * c.vocabularyCount * 4),
      .init("candidateValues", byteCount: Candidates.resultBytes(rows: 1, keep: Candidates.limit)),
      .init("candidateIDs", byteCount: Candidates.resultBytes(rows: 1, keep: Candidates.limit)),
      .init("penalised", byteCount: penaltyWindow * 4),
      .init("program of one", byteCount: StepProgram.deviceBytes(commandCount: programCommands(c), limits: limits)),
      .init("program of many", byteCount: StepProgram.deviceBytes(commandCount: programCommands(c), limits: limits)),
    ]
    return try ArenaPlan(requests, alignment: limits.baseAddressAlignment)
  }

  /// Rows of logits that are computed at once: few enough that a large vocabulary's fit in 64 MiB.
  static func logitRows(_ c: Configuration) -> Int { max(1, min(48, (64 << 20) / (c.vocabularyCount * 4))) }

  /// The most commands that a step has: those of its layers, the final norm and the logits.
  static func programCommands(_ c: Configuration) -> Int { c.layerCount * 24 + 4 }

  /// The most tokens of a step whose attention may split keys: steps of more have work for every core.
  static let splitTokens = 8

  /// The most tokens that a repetition penalty looks back over.
  static let penaltyWindow = 4096

  init(_ arena: StepArena) throws(MemoryError) {
    hidden = try arena.slice("hidden")
    normed = try arena.slice("normed")
    branch = try arena.slice("branch")
    qkv = try arena.slice("qkv")
    attended = try arena.slice("attended")
    partials = try arena.slice("partials")
    gated = try arena.slice("gated")
    packed = MatrixProduct.Workspace(packed: try arena.slice("packed"), sums: try arena.slice("sums"))
    inputs = try arena.slice("inputs")
    programs = [try arena.slice("program of one"), try arena.slice("program of many")]
    selected = try arena.slice("selected")
    selectedNormed = try arena.slice("selectedNormed")
    logits = try arena.slice("logits")
    candidateValues = try arena.slice("candidateValues")
    candidateIDs = try arena.slice("candidateIDs")
    penalised = try arena.slice("penalised")
  }
}
