import TesseraCL
import TesseraMemory

/// Chooses a token for each row of logits, for many rows together, on the device: `Kernels/sampling/`.
///
/// A row's token and log-probabilities are the same bits whatever other rows there are, on every device and in both
/// styles of kernels: what decides them is computed in integers, or in one order.
public struct TokenSampler: Sendable {
  /// The most tokens of a vocabulary: so many odds in fixed point fit in a sum of 64 bits.
  public static let vocabularyLimit = 1 << 20
  /// The most rows of one request.
  public static let rowLimit = 1 << 16
  /// The most likeliest tokens that a row can be asked for.
  public static let topTokenLimit = 256

  /// The choice for a row.
  public struct Choice: Sendable, Equatable {
    /// The chosen token; nil where the row has a NaN or +∞, or no token is possible.
    public var id: Int?
    /// The token's log-probability, if the row asked for it.
    public var logProbability: Float?
    /// The likeliest tokens, as many as the row asked for and can be chosen; the lower id first among equals.
    public var topTokens: [TokenProbability] = []
  }

  /// A token and its log-probability.
  public struct TokenProbability: Sendable, Equatable {
    public var id: Int
    public var logProbability: Float
  }

  // As in `Kernels/sampling/row.cl`.
  private static let parts = 32
  private static let blocks = 1024
  private static let stateLength = 2 * blocks + parts + parts * 128 + 32
  /// Where a row's state has the least key that stays.
  static let thresholdIndex = 2 * blocks + parts + parts * 128 + 1

  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Bytes of the workspace for so many rows.
  public static func workspaceBytes(rows: Int) -> Int { rows * stateLength * 8 }

  /// Enqueues what it takes to sample the rows; `read` collects the choices.
  ///
  /// - Parameters:
  ///   - logits: (rows, vocabulary) floats; bias, penalties and masks are applied in place.
  ///   - inputs: the request's `words`, written before.
  ///   - workspace: at least the request's `workspaceBytes`; nothing is kept there.
  ///   - results: at least the request's `resultCount` words.
  public func enqueue(
    _ request: SamplingRequest, logits: Buffer, inputs: Buffer, workspace: Buffer, results: Buffer, on queue: Queue
  ) throws {
    let (rows, vocabulary) = (request.rowCount, UInt32(request.vocabularySize))
    guard logits.byteCount / 4 / rows >= request.vocabularySize, inputs.byteCount / 4 >= request.words.count,
      workspace.byteCount >= request.workspaceBytes, results.byteCount / 4 >= request.resultCount
    else { throw OperatorError(.shape, "a buffer is too small to sample \(rows) rows of \(vocabulary) logits") }
    try adjust(request, logits: logits, inputs: inputs, on: queue)
    let (byRow, byBlock) = (rowRange(rows: rows), blockRange(request))
    try queue.enqueue(kernel("survey"), over: byBlock, logits, workspace, vocabulary)
    if request.hasMass {
      try queue.enqueue(kernel("mass"), over: rowRange(Self.parts, rows: rows), logits, inputs, workspace, vocabulary)
    }
    if request.hasDraws {
      try queue.enqueue(kernel("threshold"), over: byRow, logits, inputs, workspace, vocabulary)
      try queue.enqueue(kernel("weigh"), over: byBlock, logits, inputs, workspace, vocabulary)
    }
    try queue.enqueue(kernel("draw"), over: byRow, logits, inputs, workspace, results, vocabulary)
    if request.topTokenPlaces > 0 {
      try queue.enqueue(
        kernel("top_tokens"), over: byRow, logits, inputs, workspace, results,
        UInt32(rows * SamplingRequest.resultWords), vocabulary, UInt32(request.topTokenPlaces))
    }
  }

  /// Waits for the choices of the rows.
  public func read(_ request: SamplingRequest, results: Buffer, from queue: Queue) throws -> [Choice] {
    let words = try queue.read(results, as: UInt32.self, count: request.resultCount)
    let places = request.topTokenPlaces
    return request.topTokens.enumerated().map { row, topTokens in
      let at = row * SamplingRequest.resultWords
      guard words[at + 2] == 0 else { return Choice() }
      var choice = Choice(id: Int(words[at]))
      guard let topTokens else { return choice }
      choice.logProbability = Float(bitPattern: words[at + 1])
      let first = request.rowCount * SamplingRequest.resultWords + row * places * 2
      choice.topTokens = stride(from: first, to: first + topTokens * 2, by: 2).prefix { words[$0] != .max }
        .map { TokenProbability(id: Int(words[$0]), logProbability: Float(bitPattern: words[$0 + 1])) }
      return choice
    }
  }

  /// Bias, penalties and masks.
  private func adjust(_ request: SamplingRequest, logits: Buffer, inputs: Buffer, on queue: Queue) throws {
    let vocabulary = UInt32(request.vocabularySize)
    for (name, list) in [("bias", request.bias), ("penalize", request.penalties)] where list.count > 0 {
      try queue.enqueue(
        kernel(name, in: "adjust"), over: .covering(list.count, groupSize: 64), logits, inputs, UInt32(list.offset),
        UInt32(list.count), vocabulary)
    }
    guard request.masks.count > 0 else { return }
    let range =
      library.style == .simt
      ? NDRange.covering(request.vocabularySize, rows: request.rowCount, groupSize: 64) : blockRange(request)
    try queue.enqueue(
      kernel("mask", in: "adjust"), over: range, logits, inputs, UInt32(request.masks.offset), vocabulary)
  }

  private func kernel(_ name: String, in file: String? = nil) throws -> Kernel {
    try library.kernel(
      KernelVariant("sampling/\(file ?? name).cl", name), localSize: library.style == .simt ? 64 : 1)
  }

  /// `units` work-groups for each row.
  private func rowRange(_ units: Int = 1, rows: Int) -> NDRange {
    let items = library.style == .simt ? 256 : 1
    return NDRange(global: [units * items, rows], local: [items, 1])
  }

  /// A work-group for each block of each row; a work-item for each part in the vector style.
  private func blockRange(_ request: SamplingRequest) -> NDRange {
    guard library.style == .simt else { return NDRange(global: [Self.parts, request.rowCount], local: [1, 1]) }
    var length = 64
    while length * Self.blocks < request.vocabularySize { length *= 2 }
    let blocks = (request.vocabularySize + length - 1) / length
    return NDRange(global: [blocks * 64, request.rowCount], local: [64, 1])
  }
}
