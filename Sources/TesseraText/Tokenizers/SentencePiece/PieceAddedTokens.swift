import TesseraJSON

/// The tokens beside a SentencePiece model's pieces, as transformers' tokenizers in Python gather them
/// (`tokenization_utils.py`, `_add_tokens`): those with an id in the files, then the named ones, which get the next
/// free ids where they are new.
struct PieceAddedTokens {
  private(set) var tokens: [AddedTokens.Token] = []
  /// The text of each named token.
  private(set) var names: [String: String] = [:]
  private var indices: [[UInt8]: Int] = [:]

  private static let keys = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map { $0 + "_token" }

  /// - Parameters:
  ///   - files: of the folder.
  ///   - vocabulary: gets the tokens that are new.
  init(
    _ convention: PieceConvention, config: JSONFields?, map: JSONFields?, added: JSONFields?
  ) throws {
    for key in Self.keys {
      if let value = config?[key] ?? map?[key] {
        names[key] = try Self.text(value, key, config)
      } else {
        names[key] = convention.defaultNames.first { $0.key == key }?.text
      }
    }
    try gather(convention, config: config, map: map, added: added)
  }

  /// The text of a named token, which is a text or an object with its content; nil for null.
  private static func text(_ value: JSONValue, _ key: String, _ fields: JSONFields?) throws -> String? {
    if value.isNull { return nil }
    guard let text = value.stringValue ?? value.objectValue?["content"]?.stringValue else {
      throw TextError(
        .malformedFile, "\(fields?.path ?? ""): \(key) should be a token's text but is \(value.kind); repair the file")
    }
    return text
  }

  private mutating func gather(
    _ convention: PieceConvention, config: JSONFields?, map: JSONFields?, added: JSONFields?
  ) throws {
    let additional = try Self.additional(convention, config, map)
    let special = Set(names.values).union(additional.map { String(decoding: $0.content, as: UTF8.self) })
    if let decoder = try config?.optionalFields("added_tokens_decoder") {
      for token in try AddedTokens.read(decoder) { set(token) }
    } else if let added {
      let entries = try added.object.members.map { (text: $0.key, id: try added.int($0.key)) }
      for (text, id) in entries.sorted(by: { $0.id < $1.id }) {
        var token = AddedTokens.Token(id: id, content: Array(text.utf8))
        token.isSpecial = special.contains(text)
        set(token)
      }
    }
    for key in Self.keys {
      guard let name = names[key] else { continue }
      var token = AddedTokens.Token(id: -1, content: Array(name.utf8))
      token.isSpecial = true
      let object = config?[key]?.objectValue ?? map?[key]?.objectValue
      token.stripsLeft = object?["lstrip"]?.boolValue ?? (key == "mask_token" && convention.stripsBeforeMask)
      token.stripsRight = object?["rstrip"]?.boolValue ?? false
      setUnlessKnown(token)
    }
    for token in additional { setUnlessKnown(token) }
  }

  /// `additional_special_tokens`, with those that a convention has of itself.
  private static func additional(
    _ convention: PieceConvention, _ config: JSONFields?, _ map: JSONFields?
  ) throws -> [AddedTokens.Token] {
    var tokens: [AddedTokens.Token] = []
    var isGiven = false
    func add(_ text: String, strips: Bool = false, _ object: JSONObject? = nil) {
      let content = Array(text.utf8)
      guard !tokens.contains(where: { $0.content == content }) else { return }
      var token = AddedTokens.Token(id: -1, content: content)
      token.isSpecial = true
      token.stripsLeft = object?["lstrip"]?.boolValue ?? strips
      token.stripsRight = object?["rstrip"]?.boolValue ?? strips
      tokens.append(token)
    }
    for fields in [config, map] {
      for key in ["additional_special_tokens", "extra_special_tokens"] {
        guard let fields, let list = fields[key]?.arrayValue, list.count <= 1 << 16 else { continue }
        isGiven = true
        for value in list { if let text = try text(value, key, fields) { add(text, value.objectValue) } }
      }
    }
    switch convention {
    case .nllb where !isGiven: LanguageCodes.nllb.forEach { add($0) }
    case .mbart: LanguageCodes.mbart.forEach { add($0) }
    case .mbart50: LanguageCodes.mbart50.forEach { add($0) }
    case .pegasus: try PieceVocabulary.pretraining(config).forEach { add($0) }
    case .t5:
      let count = try PieceVocabulary.count(config, "extra_ids", 100)
      if !tokens.contains(where: { String(decoding: $0.content, as: UTF8.self).contains("<extra_id_") }) {
        for id in 0..<count { add("<extra_id_\(id)>") }
      }
      for index in tokens.indices where tokens[index].content.starts(with: "<extra_id_".utf8) {
        (tokens[index].stripsLeft, tokens[index].stripsRight) = (true, true)
      }
    default: break
    }
    return tokens
  }

  private mutating func set(_ token: AddedTokens.Token) {
    if let index = indices[token.content] {
      tokens[index] = token
    } else {
      indices[token.content] = tokens.count
      tokens.append(token)
    }
  }

  private mutating func setUnlessKnown(_ token: AddedTokens.Token) {
    guard let index = indices[token.content] else { return set(token) }
    tokens[index].isSpecial = true
  }

  /// Gives the tokens their ids: the vocabulary's, or those in the files, or the next free ones.
  mutating func resolve(_ vocabulary: inout PieceVocabulary) throws(TextError) {
    for index in tokens.indices {
      let content = tokens[index].content
      if let id = vocabulary.id(of: content) {
        tokens[index].id = id
      } else {
        if tokens[index].id < 0 { tokens[index].id = vocabulary.count }
        try vocabulary.add(content, tokens[index].id)
      }
    }
  }
}
