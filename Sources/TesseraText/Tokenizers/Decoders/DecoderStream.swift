/// A decoder's steps over tokens that come one at a time.
///
/// A step holds back as much as it cannot know yet; all that came out, and what `finish` gives, is what the steps make of
/// all tokens at once.
struct DecoderStream: Sendable {
  private let steps: [TokenDecoder.Step]
  private var memories: [DecoderMemory]
  private var limit = GrowthLimit()

  /// - Parameter beginsText: whether the first token begins a text; else it follows on others.
  init(_ decoder: TokenDecoder, beginsText: Bool) {
    steps = decoder.steps
    memories = steps.map { step in
      var memory = DecoderMemory(isFirst: beginsText)
      if case .strip(_, let start, _) = step, beginsText { memory.toStrip = start }
      if case .trimmed = step, beginsText { memory.toStrip = 1 }
      return memory
    }
  }

  /// Takes a token's text.
  /// - Throws: `TextError` `.tooLong` where the steps make many times as much of all texts so far, `.unsupportedPattern`
  ///   for a pattern that takes too long.
  mutating func push(_ token: [UInt8], into output: inout [UInt8]) throws(TextError) {
    limit.add(bytes: token.count)
    try pass([DecoderPart(bytes: token)], from: 0, &output)
  }

  /// Adds what is held back, at the end of the tokens.
  mutating func finish(into output: inout [UInt8]) throws(TextError) {
    for index in steps.indices {
      var parts: [DecoderPart] = []
      if memories[index].isFused {
        // The one token that an earlier step made of all is complete now.
        let whole = DecoderPart(bytes: memories[index].held)
        memories[index].held = []
        try steps[index].take(whole, &memories[index], &limit, &parts)
      }
      steps[index].finish(&memories[index], &parts)
      try pass(parts, from: index + 1, &output)
    }
  }

  private mutating func pass(_ parts: [DecoderPart], from first: Int, _ output: inout [UInt8]) throws(TextError) {
    var parts = parts
    for index in steps.indices.dropFirst(first) {
      var next: [DecoderPart] = []
      for part in parts {
        if part.isFused, !steps[index].takesFusedParts {
          memories[index].isFused = true
          memories[index].held += part.bytes
        } else {
          try steps[index].take(part, &memories[index], &limit, &next)
        }
      }
      parts = next
      if parts.isEmpty { return }
    }
    for part in parts { output += part.bytes }
  }
}

/// A token's text on its way from step to step, or a part of the one text that a step makes of all tokens.
struct DecoderPart {
  var bytes: [UInt8]
  var isFused = false
}

/// Memory of a decoder's step.
struct DecoderMemory: Sendable {
  /// Whether no token has come yet.
  var isFirst: Bool
  /// Whether what is held back is a part of one text of all tokens.
  var isFused = false
  var held: [UInt8] = []
  var isHolding = false
  /// Characters that may still be taken off the start.
  var toStrip = 0

  init(isFirst: Bool) { self.isFirst = isFirst }
}
