import TesseraCL
import TesseraMemory
import TesseraOperators

/// What a batch gave, read by the host or left on the device.
extension ModelRunner {
  /// Time that calls have waited for the device; the rest of a step's time is the host's own.
  package var timeWaited: Duration { queue.timeWaited }

  /// Kernels that were launched so far.
  package var launchCount: Int { queue.launchCount }

  /// Sends what is enqueued to the device, which works on it while the host goes on.
  package func send() throws { try queue.flush() }

  /// Waits until the device has done all work.
  package func finish() throws { try queue.finish() }

  /// Logits, (rows, vocabularySize), of rows of the last batch; waits for the device.
  ///
  /// - Parameter rows: of the result, at most `logitRows`.
  package func logits(_ result: StepResult, rows: Range<Int>) throws -> [Float] {
    let view = try logitsView(result, rows: rows)
    return try read(view, count: rows.count * profile.headColumns)
  }

  /// Scores of labels, (rows, labels), of hidden states that the host has, (rows, hiddenSize); waits for the device.
  ///
  /// - Throws: `ModelError` for a model without such a head.
  package func scores(_ states: [Float]) throws -> [Float] {
    let size = profile.hiddenSize
    guard profile.classification != nil else { throw ModelError.noLogits(profile) }
    // Results of earlier batches are gone.
    lastResult += 1
    return try stride(from: 0, to: states.count / size, by: logitRows).flatMap { first in
      let count = min(logitRows, states.count / size - first)
      try queue.write(Array(states[first * size..<(first + count) * size]), to: selected.buffer)
      let step = try prepared(StepShape(part: .logits, result: .logits, tokenCount: count, outputCount: count))
      try step.run()
      guard let scores = step.result else { throw ModelError.noLogits(profile) }
      return try read(scores, count: count * profile.headColumns)
    }
  }

  /// Hidden states, (rowCount, hiddenSize), of the last batch; waits for the device.
  package func hidden(_ result: StepResult) throws -> [Float] {
    try checkIsLast(result)
    guard let view = result.view, !result.isLogits else {
      throw ModelError(.badBatch, "hidden states of a batch that wanted none")
    }
    return try read(view, count: result.rowCount * profile.hiddenSize)
  }

  /// Where the logits of rows lie, computed now if they are not yet.
  package func logitsView(_ result: StepResult, rows: Range<Int>) throws -> BufferView {
    try checkIsLast(result)
    guard let view = result.view, rows.lowerBound >= 0, rows.upperBound <= result.rowCount,
      (1...logitRows).contains(rows.count)
    else { throw ModelError(.badBatch, "logits of rows \(rows) of \(result.rowCount): at most \(logitRows) at once") }
    if result.isLogits { return view.advanced(byFloats: rows.lowerBound * profile.vocabularySize) }
    let rowBytes = profile.hiddenSize * 4
    try queue.copy(
      from: hidden.buffer, to: selected.buffer, byteCount: rows.count * rowBytes,
      fromOffset: rows.lowerBound * rowBytes)
    let step = try prepared(
      StepShape(part: .logits, result: .logits, tokenCount: rows.count, outputCount: rows.count))
    try step.run()
    guard let logits = step.result else { throw ModelError.noLogits(profile) }
    return logits
  }

  private func checkIsLast(_ result: StepResult) throws(ModelError) {
    guard result.number == lastResult else {
      throw ModelError(.badBatch, "rows of a batch behind which another has run: read them before it")
    }
  }

  private func read(_ view: BufferView, count: Int) throws -> [Float] {
    guard case .buffer(let buffer) = view.memory else { throw OperatorError(.unplaced, "a result without memory") }
    return try queue.read(buffer, as: Float.self, count: count, byteOffset: view.byteOffset)
  }
}
