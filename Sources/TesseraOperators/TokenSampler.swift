import TesseraCL
import TesseraKernels
import TesseraMemory

/// Chooses a token for each row of logits, for many rows together, on the device: `Kernels/sampling/`.
///
/// A row's token and log-probabilities are the same bits whatever other rows there are, on every device and in both
/// styles of kernels: what decides them is computed in integers, or in one order.
package struct TokenSampler: Sendable {
  /// The most tokens of a vocabulary: so many odds in fixed point fit in a sum of 64 bits.
  package static let vocabularyLimit = 1 << 20
  /// The most rows of one request.
  package static let rowLimit = 1 << 16
  /// The most likeliest tokens that a row can be asked for.
  package static let topTokenLimit = 256

  /// The choice for a row.
  package struct Choice: Sendable, Equatable {
    /// The chosen token; nil where the row has a NaN or +∞, or no token is possible.
    package var id: Int?
    /// The token's log-probability, if the row asked for it.
    package var logProbability: Float?
    /// The likeliest tokens, as many as the row asked for and can be chosen; the lower id first among equals.
    package var topTokens: [TokenProbability] = []
  }

  /// A token and its log-probability.
  package struct TokenProbability: Sendable, Equatable {
    package var id: Int
    package var logProbability: Float
  }

  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Bytes of the workspace for so many rows.
  package static func workspaceBytes(rows: Int) -> Int { rows * SAMPLING_STATE_LENGTH * 8 }

  /// Enqueues what it takes to sample the rows; `read` collects the choices.
  ///
  /// - Parameters:
  ///   - logits: (rows, vocabulary) floats; bias, penalties and masks are applied in place.
  ///   - inputs: the request's `words`, written before.
  ///   - workspace: at least the request's `workspaceBytes`; nothing is kept there.
  ///   - results: at least the request's `resultCount` words.
  package func enqueue(
    _ request: SamplingRequest, logits: any DeviceMemory, inputs: any DeviceMemory, workspace: any DeviceMemory,
    results: any DeviceMemory, on sink: some CommandSink
  ) throws {
    let memory = Memory(
      logits: logits.view, inputs: inputs.view, state: workspace.view, results: results.view)
    for (kernel, list) in [("bias", request.bias), ("penalize", request.penalties)] where list.count > 0 {
      let units = Dispatch.Units((list.count + Self.entries - 1) / Self.entries)
      try sink.dispatch(self.kernel(kernel, in: "adjust", request, memory, units, list: list), library)
    }
    let isVector = library.style == .vector
    let byRow = Dispatch.Units(1, request.rowCount)
    let byPart = Dispatch.Units(isVector ? Int(SAMPLING_PARTS) : request.blockCount(library.style), request.rowCount)
    if request.masks.count > 0 {
      let units =
        isVector
        ? byPart : Dispatch.Units((request.vocabularySize + Self.entries - 1) / Self.entries, request.rowCount)
      try sink.dispatch(self.kernel("mask", in: "adjust", request, memory, units, list: request.masks), library)
    }
    try sink.dispatch(kernel("survey", request, memory, byPart), library)
    if request.hasMass(library.style) { try sink.dispatch(kernel("mass", request, memory, byPart), library) }
    // In the simt style keys are listed where there is anything to search.
    if isVector ? request.hasDraws : request.hasFilters || request.topTokenPlaces > 0 {
      try sink.dispatch(kernel("threshold", request, memory, isVector ? byRow : byPart), library)
    }
    if request.hasDraws { try sink.dispatch(kernel("weigh", request, memory, byPart), library) }
    try sink.dispatch(kernel("draw", request, memory, byRow), library)
    if request.topTokenPlaces > 0 {
      var memory = memory
      memory.results = memory.results.advanced(byBytes: request.rowCount * SamplingRequest.resultBytes)
      try sink.dispatch(kernel("top_tokens", request, memory, byRow), library)
    }
  }

  /// Waits for the choices of the rows.
  package func read(_ request: SamplingRequest, results: Buffer, from queue: Queue) throws -> [Choice] {
    try choices(request, try queue.read(results, as: UInt32.self, count: request.resultCount))
  }

  /// The choice of each row, of the words of their results.
  ///
  /// - Throws: `OperatorError` if they are too few: who waits for a choice would wait for ever.
  package func choices(_ request: SamplingRequest, _ words: [UInt32]) throws(OperatorError) -> [Choice] {
    guard words.count >= request.resultCount else {
      throw OperatorError(
        .shape, "\(words.count) words of the choices of \(request.rowCount) rows: they take \(request.resultCount)")
    }
    let places = request.topTokenPlaces
    return request.topTokens.enumerated().map { row, topTokens in
      let sampled = words.withUnsafeBytes {
        $0.load(fromByteOffset: row * SamplingRequest.resultBytes, as: SampledRow.self)
      }
      guard sampled.status == 0 else { return Choice() }
      var choice = Choice(id: Int(sampled.token))
      guard let topTokens else { return choice }
      choice.logProbability = sampled.log_probability
      let first = request.rowCount * SamplingRequest.resultBytes / 4 + row * places * 2
      choice.topTokens = stride(from: first, to: first + topTokens * 2, by: 2).prefix { words[$0] != .max }
        .map { TokenProbability(id: Int(words[$0]), logProbability: Float(bitPattern: words[$0 + 1])) }
      return choice
    }
  }

  private static let entries = Int(SAMPLING_ENTRIES)

  private struct Memory {
    var logits, inputs, state, results: BufferView
  }

  private func kernel(
    _ name: String, in file: String? = nil, _ request: SamplingRequest, _ memory: Memory, _ units: Dispatch.Units,
    list: (offset: Int, count: Int) = (0, 0)
  ) throws -> Dispatch {
    var block = SamplingArguments()
    block.vocabulary = UInt32(request.vocabularySize)
    block.offset = UInt32(list.offset)
    block.count = UInt32(list.count)
    block.limit = UInt32(request.topTokenPlaces)
    let items = file == nil ? Int(SAMPLING_ROW_ITEMS) : Self.entries
    // Of a list its entries; else the logits.
    let floats = list.count > 0 && units.y == 1 ? list.count * 3 : request.rowCount * request.vocabularySize
    var dispatch = try Dispatch(
      KernelVariant("sampling/\(file ?? name).cl", name), block,
      views: [memory.logits, memory.inputs, memory.state, memory.results], written: [0, 2, 3], units: units,
      localSize: library.style == .vector ? 1 : items, cost: .init(bytes: floats * 4, operations: floats))
    dispatch.isInlinable = false
    return dispatch
  }
}
