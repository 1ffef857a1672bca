import Foundation

/// The rows that are sampled together, checked, as the device reads them.
public struct SamplingRequest: Sendable {
  /// Words of a row's parameters: `sampling_row` in `Kernels/sampling/row.cl`.
  static let rowWords = 16
  /// Words of what is reported of a row: `sampled_row` there.
  static let resultWords = 4

  public let rowCount: Int
  public let vocabularySize: Int
  /// Everything the kernels read but the logits: rows' parameters; lists of (row, id, value) for bias and penalties;
  /// masks.
  public let words: [UInt32]
  /// Where the lists begin in `words`, and their entries.
  let bias: (offset: Int, count: Int)
  let penalties: (offset: Int, count: Int)
  let masks: (offset: Int, count: Int)
  /// Places for likeliest tokens that each row has in the results.
  let topTokenPlaces: Int
  /// Whether any row is drawn, and whether any needs the sum of all odds.
  let hasDraws: Bool
  let hasMass: Bool
  /// Rows that want log-probabilities, and how many of the likeliest tokens'.
  let topTokens: [Int?]

  /// Words of the results.
  public var resultCount: Int { rowCount * (Self.resultWords + topTokenPlaces * 2) }
  /// Bytes of the kernels' workspace.
  public var workspaceBytes: Int { TokenSampler.workspaceBytes(rows: rowCount) }

  /// - Parameter rows: one for each row of logits, in their order; at least one.
  /// - Throws: `OperatorError` that names the row and what is wrong with it.
  public init(_ rows: [SamplingRow], vocabularySize: Int) throws(OperatorError) {
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
      words += Self.parameters(row, mask: row.allowed == nil ? .max : maskCount, vocabularySize)
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
    hasMass = rows.contains { row in
      row.topTokens != nil || !row.isGreedy && row.topP < 1 && !(1..<vocabularySize).contains(row.topK)
    }
  }

  /// The words of a row's parameters.
  private static func parameters(_ row: SamplingRow, mask: UInt32, _ vocabularySize: Int) -> [UInt32] {
    // Quotients are computed here, once: OpenCL leaves a division 2.5 units in the last place.
    let inverseTemperature = row.isGreedy ? 1 : min(1 / row.temperature, .greatestFiniteMagnitude)
    let topP = row.topP < 1 ? max(1, UInt32(Double(row.topP) * 0x1p32)) : 0
    return [
      inverseTemperature.bitPattern,
      (row.minP > 0 ? Float(log(Double(row.minP))) : -.infinity).bitPattern,
      (1..<vocabularySize).contains(row.topK) ? UInt32(row.topK) : 0,
      topP,
      (row.isGreedy ? 1 : 0) | (row.topTokens == nil ? 0 : 2),
      mask,
      UInt32(row.topTokens ?? 0),
      row.repetitionPenalty.bitPattern,
      (1 / row.repetitionPenalty).bitPattern,
      row.presencePenalty.bitPattern,
      row.frequencyPenalty.bitPattern,
      0,
      UInt32(truncatingIfNeeded: row.seed),
      UInt32(truncatingIfNeeded: row.seed >> 32),
      UInt32(truncatingIfNeeded: row.position),
      UInt32(truncatingIfNeeded: row.position >> 32),
    ]
  }
}
