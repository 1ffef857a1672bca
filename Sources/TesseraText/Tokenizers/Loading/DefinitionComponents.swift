extension TokenizerComponents {
  /// The parts of the tokenizer that a GGUF file describes.
  init(_ definition: TokenizerDefinition) throws(TextError) {
    var notes: [String] = []
    let isPairs = definition.model == .bytePair || definition.model == .gemma4
    let name = definition.model == .gemma4 ? "gemma4" : definition.preTokenizer
    let rule = try NamedPreTokenizer.named(isPairs ? name : nil)
    let definition = definition.completed(rule, notes: &notes)
    try definition.validate()
    let vocabulary = try Self.vocabulary(definition.tokens)
    let special = SpecialTokens(definition) { vocabulary.id(of: Array($0.utf8)) }

    tokens = definition.tokens
    idsByText = vocabulary
    attributes = special.attributes
    let ids = tokens.indices.filter { !special.attributes[$0].isDisjoint(with: .special) }
    self.special = .longestFirst(
      all: SpecialTokenMatcher(ids: ids, texts: tokens, attributes: attributes),
      userDefined: SpecialTokenMatcher(
        ids: ids.filter { special.attributes[$0].isDisjoint(with: [.control, .unknown]) }, texts: tokens,
        attributes: attributes))
    let end = definition.addEOS == true ? definition.eosToken : nil
    let separator = definition.addSeparator == true ? definition.separatorToken : nil
    postProcessor = .around(
      begin: definition.addBOS == true ? definition.bosToken : nil, end: separator ?? end)
    pieces = .escapedSpaces
    decoder = TokenDecoder(definition.addSpacePrefix == true ? [.dropsFirstSpace] : [])

    switch definition.model {
    case .bytePair, .gemma4:
      preTokenizers = try rule.preTokenizers()
      model = try Self.bytePairs(definition, rule, vocabulary, special)
      switch rule.alphabet {
      case .bytes:
        normalizers = [.repair]
        pieces = .byteLevel
      case .escapedSpaces: normalizers = [.repair, .escapedSpaces(addsPrefix: false)]
      case .plain: normalizers = [.repair]
      }
    case .sentencePiece:
      normalizers = [.escapedSpaces(addsPrefix: definition.addSpacePrefix == true)]
      model = .scoredPairs(
        try SentencePieceEncoder(
          tokens, scores: definition.scores, vocabulary: vocabulary, unknownToken: definition.unknownToken))
    case .unigram:
      let map = definition.characterMap.isEmpty ? nil : try CharacterMap(definition.characterMap)
      normalizers = [
        .sentencePiece(
          SentencePieceNormalizer(
            map: map, mergesSpaces: definition.removeExtraSpaces == true, addsPrefix: definition.addSpacePrefix == true)
        )
      ]
      model = try Self.unigram(definition, attributes)
    case .wordPiece:
      normalizers = [
        .repair,
        .bert(.uncased),
      ]
      preTokenizers = [
        .split(try TextPattern(UnicodeTable.whitespace), .removed),
        .split(try TextPattern(OldUnicode.punctuation), .isolated),
      ]
      model = Self.wordPieces(definition)
      decoder = TokenDecoder([.dropsFirstSpace])
      if let begin = definition.bosToken, let separator, end == nil, definition.addBOS == true {
        postProcessor = .bert(cls: begin, sep: separator)
      }
    }

    beginToken = definition.bosToken
    endToken = definition.eosToken
    unknownToken = definition.unknownToken
    paddingToken = definition.paddingToken
    separatorToken = definition.separatorToken
    maskToken = definition.maskToken
    endOfGeneration = special.endOfGeneration
    self.notes = notes
  }

  /// The tokens by their texts.
  private static func vocabulary(_ tokens: ByteStrings) throws(TextError) -> ByteStringTable {
    var table = ByteStringTable(over: tokens)
    for id in tokens.indices where !tokens.range(id).isEmpty {
      if let other = table.insert(id) {
        throw TextError(
          .malformedVocabulary,
          "tokens \(other) and \(id) have the same text \(TextError.quoted(tokens.slice(id))); the file is damaged")
      }
    }
    return table
  }

  private static func bytePairs(
    _ definition: TokenizerDefinition, _ rule: NamedPreTokenizer, _ vocabulary: ByteStringTable,
    _ special: SpecialTokens
  ) throws(TextError) -> TokenModel {
    if definition.merges.isEmpty {
      // Without merges only single characters come out, which a vocabulary of longer tokens cannot mean.
      for (id, token) in zip(definition.tokens.indices, definition.tokens)
      where special.attributes[id] == .normal && !special.endOfGeneration.contains(id) {
        guard token.count(where: { $0 & 0xC0 != 0x80 }) > 1, TokenDecoder.Step.byte(named: token[...]) == nil else {
          continue
        }
        throw TextError(
          .malformedVocabulary,
          "there are no merges (tokenizer.ggml.merges), but tokens of several characters, such as \(id) "
            + "\(TextError.quoted(token)); the file is incomplete, convert the model again")
      }
    }
    var options = BytePairEncoder.Options()
    options.unknown = .keptApart
    options.wholeWords = rule.wholeWords
    if case .bytes = rule.alphabet {} else { options.fallsBackToBytes = true }
    return .bytePair(
      try BytePairEncoder(vocabulary, merges: MergeList(definition.merges), options: options))
  }

  private static func unigram(
    _ definition: TokenizerDefinition, _ attributes: [SpecialTokens.Attributes]
  ) throws(TextError) -> TokenModel {
    if let id = definition.scores.firstIndex(where: { !$0.isFinite }) {
      throw TextError(.malformedVocabulary, "the score of token \(id) is not a finite number; the file is damaged")
    }
    var trie = ByteTrie(byteCount: definition.tokens.bytes.count)
    var scores = definition.scores.map(Double.init)
    if scores.isEmpty { scores = [Double](repeating: 0, count: definition.tokens.count) }
    var worst = Double.infinity
    for id in definition.tokens.indices {
      let isNormal = attributes[id].contains(.normal)
      if isNormal { worst = min(worst, scores[id]) }
      if attributes[id].contains(.userDefined) { scores[id] = 0 }
      let isUnused = !definition.tokenTypes.isEmpty && definition.tokenTypes[id] == 5
      if isNormal || isUnused || attributes[id].contains(.userDefined) {
        trie.insert(definition.tokens.slice(id), id)
      }
    }
    return .unigram(
      UnigramEncoder(
        trie: trie, scores: scores, worst: worst.isFinite ? worst : 0, unknownToken: definition.unknownToken,
        byteTokens: []))
  }

  private static func wordPieces(_ definition: TokenizerDefinition) -> TokenModel {
    var trie = ByteTrie(byteCount: definition.tokens.bytes.count)
    for id in definition.tokens.indices { trie.insert(definition.tokens.slice(id), id) }
    return .wordPiece(
      WordPieceEncoder(
        trie: trie, wordPrefix: SentencePieceNormalizer.space, continuingPrefix: [], longestWord: .max,
        unknownToken: definition.unknownToken))
  }
}
