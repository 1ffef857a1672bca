import TesseraModels

extension Engine {
  /// The scores of labels for each text: one row, or one for each token, (rows, labels).
  func labelScores(_ texts: [TypedTokens]) async throws -> [[Float]] {
    let runner = try model().runner
    guard let classification = runner.profile.classification else { throw ModelError.noHead(runner.profile) }
    guard classification.rows == .each else {
      let states = try await pooled(texts, classification.rows == .first ? .cls : .mean)
      let columns = classification.labels.count
      let scores = try withRunner { try $0.scores(states.flatMap { $0 }) }
      return stride(from: 0, to: scores.count, by: columns).map { Array(scores[$0..<$0 + columns]) }
    }
    var scores: [[Float]] = []
    while scores.count < texts.count {
      try Task.checkCancellation()
      let rest = texts[scores.count...]
      scores += try withRunner { runner in
        try Self.states(Self.fitting(rest, runner), runner).map { try runner.scores(Array($0)) }
      }
      await letOthersGo()
    }
    return scores
  }
}

extension ModelError {
  static func noHead(_ profile: ModelProfile) -> ModelError {
    ModelError(
      .unsupportedFeature,
      "\(profile.architecture) has no head that tells labels apart: it needs a classifier "
        + "(…ForSequenceClassification, …ForTokenClassification)")
  }
}
