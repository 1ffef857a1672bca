import TesseraJSON

extension TokenizerComponents {
  /// The parts of a tokenizer that a SentencePiece model and the files beside it describe.
  init(pieces: [UInt8], _ files: HuggingFaceTokenizerFiles) throws {
    let config = try files.fields(files.tokenizerConfig, "tokenizer_config.json")
    let map = try files.fields(files.specialTokensMap, "special_tokens_map.json")
    let place = files.path(files.pieceModelName)
    let convention = try Self.convention(config, files, place: place)
    let file = try SentencePieceModel(pieces, place: place)
    if convention == .marian, try config?.optionalBool("separate_vocabs") == true {
      throw TextError(
        .unsupportedComponent,
        "\(config?.path ?? ""): separate_vocabs, a vocabulary of the target's own, is not supported; give token ids")
    }

    var added = try PieceAddedTokens(
      convention, config: config, map: map, added: files.fields(files.addedTokens, "added_tokens.json"))
    let unknownText = added.names["unk_token"] ?? "<unk>"
    var vocabulary = try PieceVocabulary(
      convention, file, vocabulary: files.fields(files.vocabulary, "vocab.json"), config: config,
      unknown: unknownText, place: place)
    if convention == .t5 { try vocabulary.addSentinels(file, config) }
    try added.resolve(&vocabulary)
    let tokens = try vocabulary.list.ordered()
    var table = ByteStringTable(over: tokens)
    for id in tokens.indices where !tokens.range(id).isEmpty { _ = table.insert(id) }

    let pieceTokens = vocabulary.tokens(of: file)
    var attributes = [SpecialTokens.Attributes](repeating: .normal, count: tokens.count)
    if convention.decodesBySentencePiece {
      for id in file.pieces.indices where file.types[id] == .control { attributes[Int(pieceTokens[id])] = .control }
    }
    for token in added.tokens { attributes[token.id] = token.isSpecial ? .control : .userDefined }
    let unknown = vocabulary.id(of: Array(unknownText.utf8)) ?? file.types.firstIndex(of: .unknown) ?? 0
    attributes[unknown] = [.unknown, .control]

    let continues =
      [.t5, .llama].contains(convention) ? try config?.optionalBool("legacy").map { !$0 } ?? false : false
    let addsPrefix = try config?.optionalBool("add_prefix_space") ?? true
    let encoder = try PieceEncoder(
      file, tokens: pieceTokens, unknownToken: unknown, textTokens: convention.hasVocabularyFile ? table : nil)
    self.init(
      tokens: tokens, idsByText: table, attributes: attributes,
      special: .addedTokens(try AddedTokens(added.tokens.map(\.inPlainText)) { _, _ in }),
      normalizers: [.pieces(PieceNormalizer(file, continues: continues))], model: .pieces(encoder),
      postProcessor: .plain, pieces: .asStored,
      decoder: TokenDecoder(
        try Self.decoderSteps(convention, file, dropsSpace: addsPrefix, continues: continues)))
    if continues { opening = .space(isAdded: addsPrefix, token: table.id(of: SentencePieceNormalizer.space)) }
    if convention == .marian { opening = .languageTag }
    if file.hasDenormalizer { notes.append("\(place): the denormalizer of decoded texts is left out") }

    func named(_ key: String) -> Int? { added.names[key].flatMap { vocabulary.id(of: Array($0.utf8)) } }
    (beginToken, endToken, unknownToken) = (named("bos_token"), named("eos_token"), unknown)
    (paddingToken, separatorToken, maskToken) = (named("pad_token"), named("sep_token"), named("mask_token"))
    languages = try Languages(convention, self, config)
    postProcessor = try frame(convention, config, cls: named("cls_token"))
    try addEnds(config)
    try readEnds(files.fields(files.generationConfig, "generation_config.json"))
    try readTemplates(config, files)
  }

  /// The class of transformers that the files name, or that goes with the model.
  private static func convention(
    _ config: JSONFields?, _ files: HuggingFaceTokenizerFiles, place: String
  ) throws -> PieceConvention {
    let name = try config?.optionalString("tokenizer_class") ?? files.tokenizerClass
    let known =
      if let name { PieceConvention(named: name) } else { files.modelType.flatMap { PieceConvention(modelType: $0) } }
    if let known { return known }
    throw TextError(
      .unsupportedModel,
      "\(place): the tokenizer class \(TextError.quoted(Array((name ?? "of \(files.modelType ?? "no type")").utf8))) is not "
        + "supported for SentencePiece models; known are: "
        + PieceConvention.allCases.map(\.rawValue).joined(separator: ", ")
        + "; get or make the model's tokenizer.json")
  }

  /// What transformers' `decode` does, behind which special tokens are left out.
  private static func decoderSteps(
    _ convention: PieceConvention, _ file: SentencePieceModel, dropsSpace: Bool, continues: Bool
  ) throws -> [TokenDecoder.Step] {
    var steps: [TokenDecoder.Step] = [.replace(try TextPattern(literal: "▁"), [0x20])]
    if convention.decodesBySentencePiece, file.fallsBackToBytes { steps.append(.bytePieces) }
    if convention.trims { return steps + [.trimmed] }
    // Llama's class takes one space off, and SentencePiece one, or all where it merges them.
    let dropped = (convention == .llama && dropsSpace ? 1 : 0) + (file.addsPrefix && !continues ? 1 : 0)
    return steps + [.fuse, .strip(content: [0x20], start: file.mergesSpaces ? 1 << 20 : dropped, stop: 0)]
  }

  /// The tokens around a text.
  private func frame(_ convention: PieceConvention, _ config: JSONFields?, cls: Int?) throws -> PostProcessor {
    if let languages, let source = languages.defaultSource { return languages.frame(source: source) }
    switch convention {
    case .t5: return .around(begin: nil, end: endToken)
    case .llama, .gemma: return .around(begin: beginToken, end: nil)
    case .xlmRoberta:
      guard let cls, let sep = separatorToken else { return .plain }
      return .roberta(cls: cls, sep: sep)
    default: return .closed(begin: nil, end: endToken.map { [$0] } ?? [])
    }
  }
}

extension AddedTokens.Token {
  /// The token as it is found before the text is normalized.
  fileprivate var inPlainText: AddedTokens.Token {
    var token = self
    token.isNormalized = false
    return token
  }
}
