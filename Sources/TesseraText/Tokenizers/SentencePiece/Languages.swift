import TesseraJSON

/// The languages between which a model translates, and where their tokens stand.
struct Languages: Sendable {
  /// Where a tokenizer puts the languages.
  enum Rule: Sendable {
    /// `>>fr<<`, the target's, begins the source (Marian).
    case targetTag
    /// The source's begins the source, the target's the answer (M2M-100, NLLB, mBART-50).
    case before
    /// The source's stands behind the source's end, the target's begins the answer (mBART, older NLLB).
    case behind
  }

  let rule: Rule
  /// The token of each code.
  let ids: [String: Int]
  /// The source's language where none is named.
  let defaultSource: Int?
  private let end: Int?

  /// The languages of a tokenizer; nil where it has none.
  init?(_ convention: PieceConvention, _ components: TokenizerComponents, _ config: JSONFields?) throws {
    let source: String
    let codes: [(code: String, text: String)]
    switch convention {
    case .marian:
      (rule, source) = (.targetTag, "")
      codes = components.tokens.compactMap {
        guard $0.count > 4, $0.starts(with: ">>".utf8), $0.suffix(2).elementsEqual("<<".utf8) else { return nil }
        let code = String(decoding: $0.dropFirst(2).dropLast(2), as: UTF8.self)
        return (code, ">>\(code)<<")
      }
    case .m2m100:
      (rule, source) = (.before, "en")
      codes = try PieceVocabulary.languages(config).map { ($0, "__\($0)__") }
    case .nllb:
      rule = try config?.optionalBool("legacy_behaviour") ?? false ? .behind : .before
      source = "eng_Latn"
      codes = components.controlTexts(like: "aaa_Aaaa").map { ($0, $0) }
    case .mbart:
      (rule, source) = (.behind, "en_XX")
      codes = LanguageCodes.mbart.map { ($0, $0) }
    case .mbart50:
      (rule, source) = (.before, "en_XX")
      codes = LanguageCodes.mbart50.map { ($0, $0) }
    case .xlmRoberta, .pegasus, .t5, .llama, .gemma: return nil
    }
    ids = Dictionary(
      codes.compactMap { code, text in components.idsByText.id(of: Array(text.utf8)).map { (code, $0) } },
      uniquingKeysWith: { first, _ in first })
    if ids.isEmpty { return nil }
    let named = try config?.optionalString("src_lang") ?? source
    defaultSource = rule == .targetTag ? nil : ids[named] ?? ids[source]
    end = components.endToken
  }

  /// What stands around a source.
  func frame(source: Int) -> PostProcessor {
    let end = end.map { [$0] } ?? []
    return switch rule {
    case .targetTag: .closed(begin: nil, end: end)
    case .before: .closed(begin: source, end: end)
    case .behind: .closed(begin: nil, end: end + [source])
    }
  }

  /// The token of a language.
  /// - Throws: `TextError` `.unknownLanguage` with those that are alike, or all if they are few.
  func id(of code: String) throws(TextError) -> Int {
    if let id = ids[code] { return id }
    let all = ids.keys.sorted()
    let alike = all.filter { $0.lowercased().hasPrefix(code.lowercased().prefix(2)) }.prefix(8)
    let shown = all.count <= 60 || alike.isEmpty ? all.prefix(60) : alike[...]
    throw TextError(
      .unknownLanguage,
      "\(TextError.quoted(Array(code.utf8))) is none of the model's \(all.count) languages, "
        + (shown.count < all.count ? "such as " : "which are ") + shown.joined(separator: ", "))
  }
}

extension Tokenizer {
  /// The codes of the languages between which the model translates, as its tokenizer names them (`en`, `eng_Latn`,
  /// `en_XX`); empty where it has none.
  public var languages: [String] { components.languages?.ids.keys.sorted() ?? [] }

  /// The tokens of a text that is to be translated, and those that the answer must begin with.
  ///
  /// The languages' tokens stand where transformers' tokenizers put them: Marian's `>>fr<<` of the target before the text,
  /// the source's of M2M-100, NLLB and mBART before or behind it and the target's as the answer's first token
  /// (`forced_bos_token_id`).
  ///
  /// - Parameters:
  ///   - text: the source.
  ///   - source: the text's language, one of `languages`; nil: the one that the files name.
  ///   - target: the answer's; nil: none is asked for.
  /// - Throws: `TextError` `.unknownLanguage` for one that the model does not know; as `encode`.
  public func encode(
    _ text: String, from source: String?, to target: String?
  ) throws(TextError) -> (ids: [Int], first: [Int]?) {
    if source == nil, target == nil { return (try encode(text), nil) }
    guard let languages = components.languages else {
      throw TextError(
        .unknownLanguage, "the model's tokenizer has no languages to choose from: leave the source's and target's out")
    }
    if languages.rule == .targetTag {
      guard source == nil else {
        throw TextError(.unknownLanguage, "the model knows its source by itself: name the target's language alone")
      }
      guard let target else { return (try encode(text), nil) }
      return ([try languages.id(of: target)] + (try encode(text)), nil)
    }
    var frame = components.postProcessor
    if let source { frame = languages.frame(source: try languages.id(of: source)) }
    let first = if let target { [try languages.id(of: target)] } else { [Int]?.none }
    return (frame.apply(try encode(text, addSpecial: false), nil, addSpecial: true).ids, first)
  }
}

extension TokenizerComponents {
  /// The control tokens whose texts have this form: `a` stands for a small letter, `A` for a capital one.
  fileprivate func controlTexts(like form: String) -> [String] {
    let form = Array(form.utf8)
    func fits(_ text: ArraySlice<UInt8>) -> Bool {
      text.count == form.count
        && zip(text, form).allSatisfy { byte, kind in
          switch kind {
          case UInt8(ascii: "a"): (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          case UInt8(ascii: "A"): (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          default: byte == kind
          }
        }
    }
    return tokens.indices.lazy.filter { attributes[$0].contains(.control) && fits(tokens.slice($0)) }.map {
      String(decoding: tokens.slice($0), as: UTF8.self)
    }
  }
}
