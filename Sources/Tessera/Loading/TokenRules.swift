import TesseraFiles
import TesseraJSON
import TesseraOperators

/// What a model's files say of the tokens of its answers.
struct TokenRules: Sendable, Equatable {
  /// Those at which generations end.
  var ends: Set<Int> = []
  /// Those that an encoder-decoder's answers begin with.
  var first: [Int] = []
  /// The one that an encoder-decoder's answer has where nothing may follow.
  var last: Int?
  /// Those that are never generated.
  var banned: Set<Int> = []

  /// The tokens that an answer has whatever the model thinks of them.
  ///
  /// - Parameters:
  ///   - firstTokens: what a generation asks for; nil: what the files say, where the target has no more than its first token.
  ///   - prompt: what the answer continues.
  ///   - limit: the most tokens of the answer.
  /// - Throws: `TesseraError` for ids outside of the vocabulary.
  func forced(_ firstTokens: [Int]?, behind prompt: [Int], limit: Int, vocabularySize: Int) throws(TesseraError)
    -> ForcedTokens
  {
    func check(_ token: Int, _ place: String) throws(TesseraError) {
      guard !(0..<vocabularySize).contains(token) else { return }
      throw TesseraError(
        .badOption, "the \(place) token of an answer is \(token): the vocabulary has \(vocabularySize), ids begin at 0")
    }
    var forced = ForcedTokens()
    for (index, token) in (firstTokens ?? (prompt.count == 1 ? first : [])).enumerated() {
      try check(token, "first")
      forced.tokens[index] = token
    }
    guard let last, limit > 0 else { return forced }
    try check(last, "last")
    forced.tokens[limit - 1] = last
    forced.endIndex = limit - 1
    return forced
  }

  /// A mask of the tokens that may be generated; nil where all may.
  ///
  /// - Parameter tokenCount: of the tokenizer, which may have fewer than the vocabulary.
  func mask(tokenCount: Int?, vocabularySize: Int) -> [UInt32]? {
    let count = min(tokenCount ?? vocabularySize, vocabularySize)
    guard count < vocabularySize || !banned.isEmpty else { return nil }
    var mask: [UInt32] = (0..<(vocabularySize + 31) / 32).map { word in
      let bits = min(32, max(0, count - 32 * word))
      return bits == 32 ? .max : 1 << UInt32(bits) - 1
    }
    for token in banned where mask.indices.contains(token / 32) && token >= 0 {
      mask[token / 32] &= ~(1 << UInt32(token % 32))
    }
    return mask
  }
}

/// Tokens of an answer that are not chosen.
struct ForcedTokens: Sendable, Equatable {
  /// By their index in the answer.
  var tokens: [Int: Int] = [:]
  /// The index of the one that ends the answer because nothing may follow.
  var endIndex: Int?
}

extension SamplingRow {
  /// The choice of the one token.
  init(only token: Int, vocabularySize: Int) {
    self.init()
    var mask = [UInt32](repeating: 0, count: (vocabularySize + 31) / 32)
    mask[token / 32] = 1 << UInt32(token % 32)
    allowed = mask
  }
}

extension ModelSource {
  /// - Parameter takesSource: whether it is an encoder-decoder.
  func tokenRules(takesSource: Bool) throws -> TokenRules {
    var rules = TokenRules()
    switch checkpoint {
    case let file as GGUFCheckpoint:
      rules.ends = Set(
        try ["eos", "eot", "eom"].compactMap { try file.metadata.optionalInt("tokenizer.ggml.\($0)_token_id") })
    case let folder as HuggingFaceCheckpoint:
      // Of both, what is meant for generation.
      let fields = try [folder.object(.generationConfig), folder.config].compactMap { $0 }
      func value(_ name: String) -> JSONValue? { fields.lazy.compactMap { $0[name] }.first { !$0.isNull } }
      func ints(_ value: JSONValue?) -> [Int] {
        value?.intValue.map { [$0] } ?? value?.arrayValue?.compactMap(\.intValue) ?? []
      }
      rules.ends = Set(ints(value("eos_token_id")))
      if takesSource {
        rules.first = ints(value("forced_bos_token_id"))
        // Of several, all of which end it, transformers' greedy search takes the least.
        rules.last = ints(value("forced_eos_token_id")).min()
        // Sequences of several tokens may be forbidden, too: no model that is known here asks for it.
        let sequences = (value("bad_words_ids")?.arrayValue ?? []).map { ints($0) }
        rules.banned = Set(sequences.filter { $0.count == 1 }.joined())
      }
    default: break
    }
    return rules
  }
}
