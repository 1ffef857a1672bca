/// What the length of a text says of the number of its tokens before it is encoded.
struct TokenLengths: Sendable {
  /// The characters whose bytes are in tokens, each in one; those of fewer come first.
  private enum Counted: Int, Comparable {
    case none
    /// Of ASCII's characters that can be seen those before another of ASCII: a mark makes something else of one.
    case ascii
    /// All that can be seen of ASCII, and of what normalization, too, makes at least as many bytes.
    case stable
    /// All but white space, which a token beside it may take.
    case visible
    case all

    static func < (first: Counted, second: Counted) -> Bool { first.rawValue < second.rawValue }
  }

  private let counted: Counted
  /// Of each byte whether tokens have it; nil: of all of them.
  private let known: [Bool]?
  /// Bytes of the longest token.
  private let longest: Int

  init(_ components: TokenizerComponents) {
    longest = components.tokens.indices.reduce(1) { max($0, components.tokens.slice($1).count) }
    let steps = (components.normalizers.map(Self.counted) + components.preTokenizers.map(Self.counted))
      .reduce(components.takesSpace ? .visible : .all, min)
    var known: [Bool]?
    let model: Counted
    switch components.model {
    case .bytePair(let encoder):
      let bytes = encoder.knownBytes(areCharacters: components.isByteLevel)
      if !bytes.contains(false) {
        model = .all
      } else if components.encodesTextsBytes {
        (model, known) = (.all, bytes)
      } else {
        model = encoder.knowsASCII ? .ascii : .none
      }
    case .scoredPairs(let encoder): model = encoder.knowsBytes ? .all : .none
    // Several characters that are no token may become one.
    case .unigram, .pieces, .wordPiece, .wordLevel: model = .none
    }
    (counted, self.known) = (min(steps, model), known)
  }

  private static func counted(_ normalizer: Normalizer) -> Counted {
    switch normalizer {
    case .prepend, .byteLevel, .escapedSpaces, .repair: .all
    case .unicode, .stripAccents, .lowercase, .nmt: .stable
    case .replace(let pattern, let content): pattern.origin != .text(" ") ? .none : content.isEmpty ? .visible : .all
    case .strip: .visible
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
  func least(of text: String) -> Int { (bytes(of: text) + longest - 1) / longest }

  /// Bytes that are in tokens.
  private func bytes(of text: String) -> Int {
    switch counted {
    case .none: return 0
    case .all: return known == nil ? text.utf8.count : known(in: text.utf8)
    case .visible:
      return text.unicodeScalars.reduce(0) { $0 + (Self.isSpace($1.value) ? 0 : known(in: $1.utf8)) }
    case .stable:
      return text.unicodeScalars.reduce(0) {
        $0 + (Self.isVisible($1.value) ? 1 : Self.isStable($1.value) ? 3 : 0)
      }
    case .ascii:
      var (count, isBefore) = (0, false)
      for byte in text.utf8 {
        if isBefore, byte < 0x80 { count += 1 }
        isBefore = Self.isVisible(UInt32(byte))
      }
      return isBefore ? count + 1 : count
    }
  }

  private func known(in bytes: some Collection<UInt8>) -> Int {
    known.map { known in bytes.reduce(0) { $0 + (known[Int($1)] ? 1 : 0) } } ?? bytes.count
  }

  private static func isVisible(_ scalar: UInt32) -> Bool { 0x21...0x7E ~= scalar }

  /// Kana without the marks for voices, ideographs and Hangul's syllables.
  private static func isStable(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x3041...0x3096, 0x309D...0x30FF, 0x4E00...0x9FFF, 0xAC00...0xD7A3: true
    default: false
    }
  }

  /// Most texts' scalars are decided by the first comparisons.
  private static func isSpace(_ scalar: UInt32) -> Bool {
    if 0x21...0x84 ~= scalar || scalar > 0x3000 { return false }
    return UnicodeTable.whitespace.contains(scalar)
  }
}

extension TokenizerComponents {
  /// Whether bytes become characters before they are encoded.
  fileprivate var isByteLevel: Bool {
    normalizers.contains { if case .byteLevel = $0 { true } else { false } }
      || preTokenizers.contains { if case .byteLevel = $0 { true } else { false } }
  }

  /// Whether it is a text's own bytes that become characters, once.
  fileprivate var encodesTextsBytes: Bool {
    var count = 0
    for normalizer in normalizers {
      guard case .byteLevel = normalizer else { return false }
      count += 1
    }
    for step in preTokenizers {
      switch step {
      case .byteLevel: count += 1
      case .split, .prefixSpace, .fixedLength, .digitGroups: break
      case .metaspace: return false
      }
    }
    return count == 1
  }

  /// Whether a token takes white space beside it.
  fileprivate var takesSpace: Bool {
    switch special {
    case .longestFirst: attributes.contains { !$0.isDisjoint(with: [.stripsLeft, .stripsRight]) }
    case .addedTokens(let added): added.tokens.contains { $0.stripsLeft || $0.stripsRight }
    }
  }
}

extension Tokenizer {
  /// At least so many tokens a text has, without those that are added around it; found without encoding it, and 0 where nothing
  /// is known.
  public func leastTokens(of text: String) -> Int { lengths.least(of: text) }
}
