import TesseraJSON

extension PreTokenizer {
  /// The steps of a `pre_tokenizer` of `tokenizer.json`.
  static func steps(_ part: ComponentFields) throws -> [PreTokenizer] {
    let fields = part.fields
    switch part.type {
    case "Sequence": return try part.parts("pretokenizers").flatMap { try steps($0) }
    case "ByteLevel":
      let prefix: [PreTokenizer] = try fields.optionalBool("add_prefix_space") ?? true ? [.prefixSpace] : []
      let split: [PreTokenizer] =
        try fields.optionalBool("use_regex") ?? true
        ? [.split(try TextPattern(PublishedPatterns.gpt2), .isolated)] : []
      return prefix + split + [.byteLevel]
    case "Metaspace": return [try metaspace(part)]
    case "Split": return [try split(part)]
    case "Whitespace":
      // The library has this one from Rust's regular expressions.
      let pattern = #"[\w\x{200C}\x{200D}]+|[^\w\s\x{200C}\x{200D}]+"#
      return [.split(try TextPattern(pattern), .removed, isInverted: true)]
    case "WhitespaceSplit": return [.split(try TextPattern(UnicodeTable.whitespace), .removed)]
    case "CharDelimiterSplit":
      let text = String(decoding: try part.character("delimiter"), as: UTF8.self)
      return [.split(try TextPattern(ScalarSet(text)), .removed)]
    case "Punctuation":
      return [.split(try TextPattern(OldUnicode.punctuation), try behavior(part) ?? .isolated)]
    case "BertPreTokenizer":
      return [
        .split(try TextPattern(UnicodeTable.whitespace), .removed),
        .split(try TextPattern(OldUnicode.punctuation), .isolated),
      ]
    case "Digits":
      let isIndividual = try fields.optionalBool("individual_digits") ?? false
      return [
        .split(
          try TextPattern(UnicodeTable.latest.set(named: "N") ?? ScalarSet()), isIndividual ? .isolated : .contiguous)
      ]
    case "FixedLength": return [.fixedLength(try part.int("length", in: 1...1 << 20, default: 5))]
    default: throw part.unknown("pre-tokenizer")
    }
  }

  private static func behavior(_ part: ComponentFields) throws -> SplitBehavior? {
    guard let name = try part.fields.optionalString("behavior") else { return nil }
    guard let behavior = SplitBehavior(rawValue: name) else {
      throw part.error(
        "the behavior \(TextError.quoted(Array(name.utf8))) is not supported; known are: "
          + SplitBehavior.allCases.map(\.rawValue).joined(separator: ", "), .unsupportedComponent)
    }
    return behavior
  }

  private static func split(_ part: ComponentFields) throws -> PreTokenizer {
    let isInverted = try part.fields.optionalBool("invert") ?? false
    let behavior = try behavior(part) ?? .removed
    let regex = part.fields["pattern"]?.objectValue?["Regex"]?.stringValue
    // Conditions on many digits ahead, which patterns here cannot have.
    if behavior == .isolated, !isInverted {
      if regex == #"(?=(\d{3})+(?!\d))"# { return .digitGroups(atWordEnds: false) }
      if regex == #"\d{1,3}(?=(?:\d{3})*\b)"# { return .digitGroups(atWordEnds: true) }
    }
    return .split(try part.pattern("pattern"), behavior, isInverted: isInverted)
  }

  private static func metaspace(_ part: ComponentFields) throws -> PreTokenizer {
    let fields = part.fields
    let replacement = try part.character("replacement")
    var prefix = MetaspacePrefix.always
    if let name = try fields.optionalString("prepend_scheme") {
      guard let known = MetaspacePrefix(rawValue: name) else {
        throw part.error(
          "the prepend_scheme \(TextError.quoted(Array(name.utf8))) is not supported; known are: always, first, never",
          .unsupportedComponent)
      }
      prefix = known
    } else if try fields.optionalBool("add_prefix_space") == false {
      prefix = .never
    }
    let splits = try fields.optionalBool("split") ?? true
    return .metaspace(
      replacement: replacement, prefix: prefix,
      split: splits ? try TextPattern(literal: String(decoding: replacement, as: UTF8.self)) : nil)
  }
}
