/// What the length of a text says of the number of its tokens before it is encoded.
struct TokenLengths: Sendable {
  /// The bytes of which each is in some token.
  private enum Counted {
    case none
    /// Of ASCII's characters that can be seen: no normalization of Unicode makes fewer of them.
    case visible
    /// All but white space, which a token beside it may take.
    case all
  }

  private let counted: Counted
  /// Bytes of the longest token.
  private let longest: Int

  init(_ components: TokenizerComponents) {
    longest = components.tokens.indices.reduce(1) { max($0, components.tokens.slice($1).count) }
    let steps = components.normalizers.map(Self.counted) + components.preTokenizers.map(Self.counted)
    let model: Counted =
      switch components.model {
      case .bytePair(let encoder):
        encoder.knowsBytes(areCharacters: components.isByteLevel) ? .all : encoder.knowsASCII ? .visible : .none
      case .scoredPairs(let encoder): encoder.knowsBytes ? .all : .none
      // Several characters that are no token may become one.
      case .unigram, .pieces, .wordPiece, .wordLevel: .none
      }
    let all = steps + [model]
    counted = all.contains(.none) ? .none : all.contains(.visible) ? .visible : .all
  }

  private static func counted(_ normalizer: Normalizer) -> Counted {
    switch normalizer {
    case .prepend, .byteLevel, .escapedSpaces, .repair: .all
    case .unicode, .stripAccents, .lowercase, .nmt: .visible
    case .replace(let pattern, _): pattern.origin == .text(" ") ? .all : .none
    case .strip: .all
    case .bert, .precompiled, .sentencePiece, .pieces: .none
    }
  }

  private static func counted(_ step: PreTokenizer) -> Counted {
    switch step {
    case .split(_, let behavior, _): behavior == .removed ? .none : .all
    case .prefixSpace, .byteLevel, .metaspace, .fixedLength, .digitGroups: .all
    }
  }

  /// At least so many tokens a text has.
  func least(of text: String) -> Int {
    var (count, isSkipped) = (0, false)
    for byte in text.utf8 {
      switch byte {
      case 0x21...0x7E: count += 1
      case 0x80...0xBF where counted == .all && !isSkipped: count += 1
      case 0xC0...:
        // With these bytes white space begins, too.
        isSkipped = byte == 0xC2 || 0xE1...0xE3 ~= byte
        if counted == .all, !isSkipped { count += 1 }
      default: break
      }
    }
    return counted == .none ? 0 : (count + longest - 1) / longest
  }
}

extension TokenizerComponents {
  /// Whether bytes become characters before they are encoded.
  fileprivate var isByteLevel: Bool {
    normalizers.contains { if case .byteLevel = $0 { true } else { false } }
      || preTokenizers.contains { if case .byteLevel = $0 { true } else { false } }
  }
}

extension Tokenizer {
  /// At least so many tokens a text has, without those that are added around it; found without encoding it, and 0 where nothing
  /// is known.
  public func leastTokens(of text: String) -> Int { lengths.least(of: text) }
}
