/// What was transcribed of a window.
struct TranscribedWindow: Sendable {
  var tokens: [Int]
  var text: String
  var averageLogProbability, noSpeechProbability, compressionRatio, temperature: Double

  /// Whether it must be decoded again, with more chance.
  func fails(_ options: TranscriptionOptions) -> Bool {
    if isSilent(options) { return false }
    return options.compressionRatioLimit.map { compressionRatio > $0 } ?? false || isUnlikely(options)
  }

  /// Whether nothing was said.
  func isSilent(_ options: TranscriptionOptions) -> Bool {
    guard let limit = options.noSpeechLimit, noSpeechProbability > limit else { return false }
    return options.logProbabilityLimit == nil || isUnlikely(options)
  }

  private func isUnlikely(_ options: TranscriptionOptions) -> Bool {
    options.logProbabilityLimit.map { averageLogProbability < $0 } ?? false
  }
}

/// The parts of a window, by its timestamps.
struct WindowParts: Equatable {
  struct Part: Equatable {
    /// In tokens of the source from the window's beginning on; nil: the end of the window.
    var start: Int
    var end: Int?
    var tokens: [Int]
  }

  var parts: [Part] = []
  /// Tokens of the source after which the next window begins; nil: behind this one.
  var next: Int?

  /// - Parameter first: the first timestamp's token.
  init(_ tokens: [Int], firstTimestamp first: Int) {
    let isTimestamp = tokens.map { $0 >= first }
    let endsWithOne = isTimestamp.suffix(2) == [false, true]
    var cuts = isTimestamp.indices.dropFirst().filter { isTimestamp[$0 - 1] && isTimestamp[$0] }
    guard !cuts.isEmpty else {
      // Nothing is cut; the last timestamp says where it ends.
      let last = tokens.last { $0 >= first }.map { $0 - first }
      parts = [Part(start: 0, end: last == 0 ? nil : last, tokens: tokens)]
      return
    }
    if endsWithOne { cuts.append(tokens.count) }
    var from = 0
    for cut in cuts {
      let own = Array(tokens[from..<cut])
      parts.append(Part(start: own[0] - first, end: own[own.count - 1] - first, tokens: own))
      from = cut
    }
    // Where one timestamp ends the answer, nothing was said behind it; else what has no end is transcribed again.
    next = endsWithOne ? nil : tokens[from - 1] - first
  }
}
