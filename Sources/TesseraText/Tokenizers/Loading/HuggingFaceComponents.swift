import TesseraJSON

extension TokenizerComponents {
  /// The parts of the tokenizer that Hugging Face's files describe.
  init(_ files: HuggingFaceTokenizerFiles) throws {
    let document = try JSONFields(of: files.tokenizer, path: files.path("tokenizer.json"))
    let config = try files.fields(files.tokenizerConfig, "tokenizer_config.json")
    let map = try files.fields(files.specialTokensMap, "special_tokens_map.json")
    let generation = try files.fields(files.generationConfig, "generation_config.json")
    var notes: [String] = []

    func part(_ key: String) throws -> ComponentFields? {
      guard let value = document[key], !value.isNull else { return nil }
      return try ComponentFields(whole: value, path: document.path, place: key)
    }
    let normalizers = try part("normalizer").map { try Normalizer.steps($0) } ?? []
    let preTokenizers = try part("pre_tokenizer").map { try PreTokenizer.steps($0) } ?? []
    let decoder = TokenDecoder(try part("decoder").map { try TokenDecoder.steps($0) } ?? [.joined])

    let modelFields = try ModelFields(document)
    var added = try AddedTokens.read(document, config: config)
    let (own, scores) = try Self.modelVocabulary(modelFields)
    // The model knows its own tokens alone: text that reads like an added token is no such token.
    let model = try modelFields.model(own.tokens, own.table, scores: scores.scores, notes: &notes)
    let (tokens, table) = try Self.vocabulary(own, scores.list, &added)

    var attributes = [SpecialTokens.Attributes](repeating: .normal, count: tokens.count)
    for token in added { attributes[token.id] = token.isSpecial ? .control : .userDefined }
    self.init(
      tokens: tokens, idsByText: table, attributes: attributes,
      special: .addedTokens(
        try AddedTokens(added) { text, limit throws(TextError) in
          for normalizer in normalizers { try normalizer.apply(&text, isAfterSpecial: true, &limit) }
        }),
      normalizers: normalizers, preTokenizers: preTokenizers, model: model,
      postProcessor: try part("post_processor").flatMap { try PostProcessor.read($0, ids: tokens.indices) } ?? .plain,
      pieces: .asStored, decoder: decoder)
    self.notes = notes
    try readNames(config, map, modelFields)
    let name = try config?.optionalString("tokenizer_class")
    if let convention = name.flatMap({ PieceConvention(named: $0) }) {
      languages = try Languages(convention, self, config)
    }
    try readEnds(generation)
    try readTemplates(config, files)
  }

  private typealias Vocabulary = (tokens: ByteStrings, table: ByteStringTable)

  /// The model's own tokens by ids and by texts, and the list that they come from.
  private static func modelVocabulary(
    _ model: ModelFields
  ) throws -> (Vocabulary, (list: VocabularyList, scores: [Double])) {
    let (list, scores) = try model.vocabulary()
    let tokens = try list.ordered()
    var table = ByteStringTable(over: tokens)
    for id in tokens.indices where !tokens.range(id).isEmpty {
      if let other = table.insert(id), model.kind != .unigram {
        throw TextError(
          .malformedVocabulary,
          "\(model.place).vocab: the ids \(other) and \(id) have the same text; get the file again")
      }
    }
    return ((tokens, table), (list, scores))
  }

  /// All tokens by ids and by texts. An added token that the model has too gets the model's id, others their own.
  private static func vocabulary(
    _ model: Vocabulary, _ list: VocabularyList, _ added: inout [AddedTokens.Token]
  ) throws -> Vocabulary {
    var list = list
    let count = list.count
    for index in added.indices {
      if let id = model.table.id(of: added[index].content) {
        added[index].id = id
      } else {
        try list.append(String(decoding: added[index].content, as: UTF8.self), added[index].id)
      }
    }
    if list.count == count { return model }
    let tokens = try list.ordered()
    var table = ByteStringTable(over: tokens)
    for id in tokens.indices where !tokens.range(id).isEmpty { _ = table.insert(id) }
    return (tokens, table)
  }

  // MARK: Names of special tokens

  private mutating func readNames(_ config: JSONFields?, _ map: JSONFields?, _ model: ModelFields) throws {
    func id(_ key: String) throws -> Int? {
      for fields in [config, map] {
        guard let value = fields?[key], !value.isNull else { continue }
        // A text, or an object with its content.
        guard let name = value.stringValue ?? value.objectValue?["content"]?.stringValue else {
          throw TextError(
            .malformedFile, "\(fields?.path ?? ""): \(key) should be a token's text but is \(value.kind)")
        }
        if let id = idsByText.id(of: Array(name.utf8)) { return id }
        notes.append(
          "\(fields?.path ?? ""): \(key) is \(TextError.quoted(Array(name.utf8))), which is no token; it is ignored")
      }
      return nil
    }
    beginToken = try id("bos_token")
    endToken = try id("eos_token")
    unknownToken = try id("unk_token")
    paddingToken = try id("pad_token")
    separatorToken = try id("sep_token")
    maskToken = try id("mask_token")
    try addEnds(config)
  }

  /// The tokenizers of these families put BOS and EOS around a text as the configuration says, whatever template the
  /// other file has.
  mutating func addEnds(_ config: JSONFields?) throws {
    guard let config, let name = try config.optionalString("tokenizer_class") else { return }
    let family = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    guard ["LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"].contains(family) else { return }
    let begin = try config.optionalBool("add_bos_token")
    let end = try config.optionalBool("add_eos_token")
    guard begin != nil || end != nil else { return }
    postProcessor = .around(
      begin: begin ?? true ? beginToken : nil, end: end ?? false ? endToken : nil)
  }

  mutating func readEnds(_ generation: JSONFields?) throws {
    if let endToken { endOfGeneration.insert(endToken) }
    for text in SpecialTokens.endTexts {
      if let id = idsByText.id(of: Array(text.utf8)), attributes[id].contains(.control) { endOfGeneration.insert(id) }
    }
    guard let generation, let value = generation["eos_token_id"], !value.isNull else { return }
    let ids = value.intValue.map { [$0] } ?? value.arrayValue?.compactMap(\.intValue)
    guard let ids, ids.count == value.arrayValue?.count ?? 1 else {
      throw TextError(
        .malformedFile, "\(generation.path ?? ""): eos_token_id should be an id or a list of them but is \(value.kind)")
    }
    for id in ids {
      if tokens.indices.contains(id) {
        endOfGeneration.insert(id)
      } else {
        notes.append(
          "\(generation.path ?? ""): eos_token_id names \(id), which is none of the \(tokens.count) tokens; it is ignored"
        )
      }
    }
    if endToken == nil { endToken = ids.first { tokens.indices.contains($0) } }
  }

  mutating func readTemplates(_ config: JSONFields?, _ files: HuggingFaceTokenizerFiles) throws {
    if let config, let value = config["chat_template"], !value.isNull {
      if let text = value.stringValue {
        chatTemplates["default"] = text
      } else if let list = value.arrayValue {
        for (index, entry) in list.enumerated() {
          let fields = try JSONFields(of: entry, path: "\(config.path ?? ""): chat_template[\(index)]")
          chatTemplates[try fields.string("name")] = try fields.string("template")
        }
      } else {
        throw TextError(
          .malformedFile,
          "\(config.path ?? ""): chat_template should be a text or a list of named ones but is \(value.kind)")
      }
    }
    if let text = files.chatTemplate { chatTemplates["default"] = text }
  }
}
