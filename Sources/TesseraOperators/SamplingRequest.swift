import Foundation
import TesseraKernels
import TesseraMemory

/// The rows that are sampled together, checked, as the device reads them.
package struct SamplingRequest: Sendable {
  /// Bytes of what is reported of a row.
  static let resultBytes = MemoryLayout<SampledRow>.stride

  package let rowCount: Int
  package let vocabularySize: Int
  /// Everything the kernels read but the logits: rows' parameters; lists of (row, id, value) for bias and penalties;
  /// masks.
  package let words: [UInt32]
  /// Where the lists begin in `words`, and their entries.
  let bias: (offset: Int, count: Int)
  let penalties: (offset: Int, count: Int)
  let masks: (offset: Int, count: Int)
  /// Places for likeliest tokens that each row has in the results.
  let topTokenPlaces: Int
  /// Whether any row is drawn, and whether any of these only from the likeliest, by top-k or top-p.
  let hasDraws: Bool
  let hasFilters: Bool
  /// Whether top-p is of a row's whole vocabulary.
  private let hasWholeTopP: Bool
  /// Rows that want log-probabilities, and how many of the likeliest tokens'.
  let topTokens: [Int?]

  /// Words of the results.
  package var resultCount: Int { rowCount * (Self.resultBytes / 4 + topTokenPlaces * 2) }
  /// Bytes of the kernels' workspace.
  package var workspaceBytes: Int { TokenSampler.workspaceBytes(rows: rowCount) }
  /// Whether any row needs the sum of all odds.
  func hasMass(_ style: KernelStyle) -> Bool {
    topTokens.contains { $0 != nil } || (style == .vector ? hasWholeTopP : hasFilters)
  }
  /// Blocks that a row is cut into.
  func blockCount(_ style: KernelStyle) -> Int {
    var length = 1 << Int(style == .vector ? SAMPLING_BLOCK_BITS_VECTOR : SAMPLING_BLOCK_BITS_SIMT)
    while length * Int(SAMPLING_BLOCKS) < vocabularySize { length *= 2 }
    return (vocabularySize + length - 1) / length
  }

  /// - Parameter rows: one for each row of logits, in their order; at least one.
  /// - Throws: `OperatorError` that names the row and what is wrong with it.
  package init(_ rows: [SamplingRow], vocabularySize: Int) throws(OperatorError) {
    guard (1...TokenSampler.vocabularyLimit).contains(vocabularySize) else {
      throw OperatorError(
        .shape, "a vocabulary of \(vocabularySize) tokens: 1 to \(TokenSampler.vocabularyLimit) can be sampled from")
    }
    guard (1...TokenSampler.rowLimit).contains(rows.count) else {
      throw OperatorError(.shape, "\(rows.count) rows to sample: 1 to \(TokenSampler.rowLimit) are possible")
    }
    for (index, row) in rows.enumerated() {
      do throws(OperatorError) {
        try row.check(vocabularySize: vocabularySize)
      } catch {
        throw OperatorError(error.code, "row \(index): \(error.message)")
      }
    }
    var words: [UInt32] = []
    var maskCount: UInt32 = 0
    for row in rows {
      let parameters = Self.parameters(row, mask: row.allowed == nil ? SAMPLING_NO_MASK : maskCount, vocabularySize)
      words += withUnsafeBytes(of: parameters) { Array($0.bindMemory(to: UInt32.self)) }
      if row.allowed != nil { maskCount += 1 }
    }
    func list(_ entries: [(row: Int, id: Int, value: UInt32)]) -> (Int, Int) {
      let offset = words.count
      for entry in entries { words += [UInt32(entry.row), UInt32(entry.id), entry.value] }
      return (offset, entries.count)
    }
    bias = list(
      rows.enumerated().flatMap { index, row in row.bias.map { (index, $0.id, $0.value.bitPattern) } })
    penalties = list(
      rows.enumerated().filter { $0.element.hasPenalty }.flatMap { index, row in
        row.occurrences.map { (index, $0.id, UInt32($0.count) | ($0.isRecent ? 1 << 31 : 0)) }
      })
    masks = (words.count, Int(maskCount))
    for row in rows { words += row.allowed ?? [] }
    self.words = words
    rowCount = rows.count
    self.vocabularySize = vocabularySize
    topTokens = rows.map(\.topTokens)
    topTokenPlaces = topTokens.compactMap { $0 }.max() ?? 0
    hasDraws = !rows.allSatisfy(\.isGreedy)
    let drawn = rows.filter { !$0.isGreedy }.map {
      (hasTopK: (1..<vocabularySize).contains($0.topK), hasTopP: $0.topP < 1)
    }
    hasFilters = drawn.contains { $0.hasTopK || $0.hasTopP }
    hasWholeTopP = drawn.contains { !$0.hasTopK && $0.hasTopP }
  }

  private static func parameters(_ row: SamplingRow, mask: UInt32, _ vocabularySize: Int) -> SamplingParameters {
    var parameters = SamplingParameters()
    // Quotients are computed here, once: OpenCL leaves a division 2.5 units in the last place.
    parameters.inverse_temperature = row.isGreedy ? 1 : min(1 / row.temperature, .greatestFiniteMagnitude)
    parameters.min_p = row.minP > 0 ? Float(log(Double(row.minP))) : -.infinity
    parameters.top_k = (1..<vocabularySize).contains(row.topK) ? UInt32(row.topK) : 0
    parameters.top_p = row.topP < 1 ? max(1, UInt32(Double(row.topP) * 0x1p32)) : 0
    parameters.flags =
      (row.isGreedy ? SAMPLING_GREEDY : 0) | (row.topTokens == nil ? 0 : SAMPLING_LOG_PROBABILITIES)
    parameters.mask = mask
    parameters.top_tokens = UInt32(row.topTokens ?? 0)
    parameters.repetition = row.repetitionPenalty
    parameters.inverse_repetition = 1 / row.repetitionPenalty
    parameters.presence = row.presencePenalty
    parameters.frequency = row.frequencyPenalty
    parameters.seed = row.seed
    parameters.position = row.position
    return parameters
  }
}
