import TesseraJSON

extension PostProcessor {
  /// A `post_processor` of `tokenizer.json`; nil for one that adds no tokens.
  ///
  /// - Parameter ids: the ids that there are.
  static func read(_ part: ComponentFields, ids: Range<Int>) throws -> PostProcessor? {
    switch part.type {
    case "ByteLevel": return nil
    case "Sequence":
      let found = try part.parts("processors").compactMap { try read($0, ids: ids) }
      guard found.count <= 1 else {
        throw part.error(
          "a Sequence of more than one post-processor that adds tokens is not supported", .unsupportedComponent)
      }
      return found.first
    case "BertProcessing":
      return .bert(cls: try namedToken(part, "cls", ids), sep: try namedToken(part, "sep", ids))
    case "RobertaProcessing":
      return .roberta(cls: try namedToken(part, "cls", ids), sep: try namedToken(part, "sep", ids))
    case "TemplateProcessing": return try template(part, ids)
    default: throw part.unknown("post-processor")
    }
  }

  /// `["[CLS]", 101]`
  private static func namedToken(_ part: ComponentFields, _ key: String, _ ids: Range<Int>) throws -> Int {
    let pair = try part.fields.array(key)
    guard pair.count == 2, let id = pair[1].intValue else { throw part.error("\(key) should be a token and its id") }
    return try check(id, part, key, ids)
  }

  private static func check(_ id: Int, _ part: ComponentFields, _ key: String, _ ids: Range<Int>) throws -> Int {
    guard ids.contains(id) else {
      throw TextError(
        .tokenOutOfRange,
        "\(part.fields.path ?? ""): \(key) names the token \(id), but the ids are 0 to \(ids.upperBound - 1); the file is damaged"
      )
    }
    return id
  }

  private static func template(_ part: ComponentFields, _ ids: Range<Int>) throws -> PostProcessor {
    var tokens: [String: [Int]] = [:]
    if let special = try part.fields.optionalFields("special_tokens") {
      for (name, _) in special.object.members {
        let found = try special.fields(name).ints("ids").map { try check($0, part, "special_tokens", ids) }
        guard found.count <= 256 else {
          throw part.error("a token of special_tokens has \(found.count) ids, which is more than any tokenizer adds")
        }
        tokens[name] = found
      }
    }
    let single = try parts(part, "single", tokens)
    let pair = try parts(part, "pair", tokens)
    // A text that comes many times would do so with all of its tokens.
    for list in [single, pair] {
      let isFirst = list.count { if case .text(isSecond: false, _) = $0 { true } else { false } }
      let isSecond = list.count { if case .text(isSecond: true, _) = $0 { true } else { false } }
      guard isFirst <= 1, isSecond <= 1 else { throw part.error("a template has a text more than once") }
    }
    let isSingle = single.contains { if case .text = $0 { true } else { false } }
    guard isSingle || single.isEmpty else { throw part.error("the template 'single' has no place for the text") }
    return PostProcessor(single: single, pair: pair)
  }

  private static func parts(_ part: ComponentFields, _ key: String, _ tokens: [String: [Int]]) throws -> [Part] {
    try (part.fields.optionalArray(key) ?? []).map { value in
      guard let object = value.objectValue, object.count == 1 else {
        throw part.error("\(key) should be a list of SpecialToken and Sequence")
      }
      if let special = object["SpecialToken"] {
        let fields = try JSONFields(of: special, path: part.fields.path)
        let name = try fields.string("id")
        guard let ids = tokens[name] else {
          throw part.error("\(key) names the token \(TextError.quoted(Array(name.utf8))), which special_tokens has not")
        }
        return .tokens(ids, type: try fields.optionalInt("type_id") ?? 0)
      }
      guard let text = object["Sequence"] else {
        throw part.error("\(key) should be a list of SpecialToken and Sequence")
      }
      let fields = try JSONFields(of: text, path: part.fields.path)
      let name = try fields.string("id")
      guard name == "A" || name == "B" else { throw part.error("\(key) names a text that is neither A nor B") }
      return .text(isSecond: name == "B", type: try fields.optionalInt("type_id") ?? 0)
    }
  }
}
