/// A tokenizer in the terms of a GGUF file, from whatever files it was read.
extension TokenizerDefinition {
  /// The definition by which a GGUF file gives a tokenizer's ids.
  ///
  /// - Parameters:
  ///   - modelName: the file's `general.name`, by which some models' special tokens take spaces.
  ///   - notes: in what the file's tokenizer is not quite the same, each in a sentence, is added here.
  /// - Throws: `TextError` `.unsupportedComponent` where plain text would get other ids, with what cannot be expressed.
  package init(of tokenizer: Tokenizer, modelName: String, notes: inout [String]) throws(TextError) {
    let components = tokenizer.components
    guard case .addedTokens(let added) = components.special, case .asStored = components.pieces else {
      throw Self.inexpressible("a tokenizer that is not of a folder")
    }
    switch components.model {
    case .bytePair(let encoder):
      self.init(model: .bytePair, tokens: components.tokens)
      try setBytePairs(encoder, components, &notes)
    case .wordPiece(let encoder):
      self.init(model: .wordPiece, tokens: components.tokens)
      try setWordPieces(encoder, components, &notes)
    // t5's scores have 32 bits, and its map is of prefixes: other ids come out for ties and rare characters.
    case .unigram: throw Self.inexpressible("the model Unigram")
    case .wordLevel: throw Self.inexpressible("the model WordLevel")
    case .scoredPairs: throw Self.inexpressible("SentencePiece's BPE")
    case .pieces: throw Self.inexpressible("a SentencePiece model file")
    }
    self.modelName = modelName
    setTypes(components)
    try setSpecial(components, &notes)

    // What is written must read back as what was meant.
    let read: TokenizerComponents
    do { read = try TokenizerComponents(self) } catch { throw Self.inexpressible("the vocabulary (\(error.message))") }
    guard
      read.postProcessor.apply([-1], nil, addSpecial: true)
        == components.postProcessor.apply([-1], nil, addSpecial: true)
    else { throw Self.inexpressible("the post-processor") }
    try compare(read, components, added, &notes)
  }

  private static func inexpressible(_ what: String) -> TextError {
    TextError(.unsupportedComponent, "\(what) cannot be expressed in a GGUF file")
  }

  // MARK: Models

  /// llama.cpp's names of pre-tokenizers; where several mean the same, the one whose other effects are fewest.
  private static let preTokenizers = [
    "gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35", "gpt-4o", "tekken", "kimi-k2", "deepseek-v3",
    "deepseek-llm", "deepseek-coder", "seed-coder", "bailingmoe", "tiny_aya", "bloom",
  ]

  private mutating func setBytePairs(
    _ encoder: BytePairEncoder, _ components: TokenizerComponents, _ notes: inout [String]
  ) throws(TextError) {
    let options = encoder.options
    guard case .byteLevel = components.preTokenizers.last, !options.fallsBackToBytes,
      options.continuingPrefix.isEmpty, options.wordSuffix.isEmpty
    else { throw Self.inexpressible("BPE that is not of bytes") }
    for byte in UInt8.min...UInt8.max {
      var character: [UInt8] = []
      withUnsafeBytes(of: byte) { ByteLevelAlphabet.append($0.bindMemory(to: UInt8.self), to: &character) }
      guard encoder.vocabulary.id(of: character) != nil else {
        throw Self.inexpressible("a vocabulary without the byte \(byte)")
      }
    }
    for normalizer in components.normalizers {
      guard case .unicode(.nfc) = normalizer else { throw Self.inexpressible("a normalizer other than NFC") }
      notes.append(
        "the normalizer NFC is left out, which a GGUF file cannot say: give text in that form, which most text has")
    }
    guard components.decoder.steps.count == 1, case .byteLevel = components.decoder.steps[0] else {
      throw Self.inexpressible("a decoder other than ByteLevel")
    }
    var steps: [NamedPreTokenizer.Step] = []
    for step in components.preTokenizers.dropLast() {
      switch step {
      case .split(let pattern, .isolated, isInverted: false):
        switch pattern.origin {
        case .expression(let expression): steps.append(.pattern(expression))
        case .set(UnicodeTable.latest.set(named: "N")): steps.append(.pattern(#"\p{N}"#))
        default: throw Self.inexpressible("the pre-tokenizer's pattern \(pattern.description)")
        }
      case .digitGroups(let atWordEnds): steps.append(.digitGroups(atWordEnds: atWordEnds))
      default: throw Self.inexpressible("the pre-tokenizer")
      }
    }
    for name in Self.preTokenizers where preTokenizer == nil {
      let rule = try NamedPreTokenizer.named(name)
      if rule.steps == steps, rule.wholeWords == options.wholeWords { preTokenizer = name }
    }
    guard preTokenizer != nil else { throw Self.inexpressible("the pre-tokenizer with these merges") }
    merges = encoder.mergeTexts(components.tokens)
  }

  private mutating func setWordPieces(
    _ encoder: WordPieceEncoder, _ components: TokenizerComponents, _ notes: inout [String]
  ) throws(TextError) {
    let mark = Array("##".utf8)
    guard encoder.continuingPrefix == mark, let unknown = encoder.unknownToken else {
      throw Self.inexpressible("WordPiece with other marks than ##, or without an unknown token")
    }
    guard components.normalizers.count == 1, case .bert(let normalizer) = components.normalizers[0],
      normalizer == .uncased
    else { throw Self.inexpressible("a normalizer other than BERT's for small letters without accents") }
    guard components.preTokenizers.count == 2,
      case .split(let spaces, .removed, isInverted: false) = components.preTokenizers[0],
      spaces.origin == .set(UnicodeTable.whitespace),
      case .split(let punctuation, .isolated, isInverted: false) = components.preTokenizers[1],
      punctuation.origin == .set(OldUnicode.punctuation)
    else { throw Self.inexpressible("a pre-tokenizer other than BERT's") }
    // llama.cpp marks the words' beginnings, not their continuations.
    var texts = ByteStrings()
    texts.reserveCapacity(tokens.count, byteCount: tokens.bytes.count + 3 * tokens.count)
    for id in tokens.indices {
      let text = tokens.slice(id)
      if text.isEmpty || !components.attributes[id].isDisjoint(with: .special) {
        texts.append(Array(text))
      } else {
        texts.append(text.starts(with: mark) ? Array(text.dropFirst(2)) : SentencePieceNormalizer.space + text)
      }
    }
    tokens = texts
    unknownToken = unknown
    notes.append(
      "words of more than \(encoder.longestWord) characters, which are unknown in the folder, are cut into tokens in a "
        + "GGUF file")
  }

  // MARK: Special tokens

  private mutating func setTypes(_ components: TokenizerComponents) {
    tokenTypes = components.attributes.map {
      $0.isDisjoint(with: [.control, .unknown]) ? $0.contains(.userDefined) ? 4 : 1 : 3
    }
    var texts = ByteStrings()
    texts.reserveCapacity(tokens.count, byteCount: tokens.bytes.count)
    for id in tokens.indices {
      if components.tokens.range(id).isEmpty {
        tokenTypes[id] = 5
        texts.append(text: Self.padding(id))
      } else {
        texts.append(tokens, at: id)
      }
    }
    tokens = texts
  }

  /// The text that llama.cpp's converter gives to a row without a token.
  private static func padding(_ id: Int) -> String { "[PAD\(id)]" }

  /// Adds tokens that are none, up to a number of rows: llama.cpp wants a token for each row of the embedding.
  package mutating func pad(to count: Int) {
    guard count > tokens.count else { return }
    if tokenTypes.isEmpty { tokenTypes = [Int32](repeating: 1, count: tokens.count) }
    let first = tokens.count
    for id in first..<count { tokens.append(text: Self.padding(id)) }
    tokenTypes += [Int32](repeating: 5, count: count - first)
    if !scores.isEmpty { scores += [Float](repeating: -1000, count: count - first) }
  }

  private mutating func setSpecial(_ components: TokenizerComponents, _ notes: inout [String]) throws(TextError) {
    bosToken = components.beginToken
    eosToken = components.endToken
    unknownToken = unknownToken ?? components.unknownToken
    paddingToken = components.paddingToken
    separatorToken = components.separatorToken
    maskToken = components.maskToken
    let begin = components.postProcessor.beginToken
    let end = components.postProcessor.endToken
    if let begin {
      guard bosToken == nil || bosToken == begin else { throw Self.inexpressible("two tokens that begin a text") }
      bosToken = begin
    }
    addBOS = begin != nil
    (addEOS, addSeparator) = (false, false)
    if let end {
      if end == separatorToken || model == .wordPiece && separatorToken == nil {
        (separatorToken, addSeparator) = (end, true)
      } else {
        guard eosToken == nil || eosToken == end else { throw Self.inexpressible("two tokens that end a text") }
        (eosToken, addEOS) = (end, true)
      }
    }
    let others = components.endOfGeneration.subtracting([eosToken].compactMap { $0 }).sorted().filter { id in
      !SpecialTokens.endTexts.contains { components.tokens.slice(id).elementsEqual($0.utf8) }
    }
    eotToken = others.first
    eomToken = others.dropFirst().first
    for id in others.dropFirst(2) {
      notes.append("token \(id), which ends an answer too, does not in a GGUF file, which can name three")
    }
  }

  /// Refuses added tokens of plain text that would be found elsewhere; notes the same of special ones, and other ids of two
  /// texts.
  private func compare(
    _ read: TokenizerComponents, _ components: TokenizerComponents, _ added: AddedTokens, _ notes: inout [String]
  ) throws(TextError) {
    let changesText = components.normalizers.contains { if case .unicode(.nfc) = $0 { false } else { true } }
    var others: [String] = []
    for token in added.tokens where !token.content.isEmpty {
      let attributes = read.attributes[token.id]
      let isSame =
        attributes.contains(.stripsLeft) == token.stripsLeft && attributes.contains(.stripsRight) == token.stripsRight
        && !token.isWord && !(token.isNormalized && changesText)
      if isSame { continue }
      guard token.isSpecial else {
        throw Self.inexpressible(
          "that the token \(TextError.quoted(token.content)) takes spaces, only whole words or other forms")
      }
      others.append(TextError.quoted(token.content))
    }
    if let first = others.first {
      let rest = others.count > 1 ? " and \(others.count - 1) more" : ""
      notes.append(
        "the special token \(first)\(rest) takes spaces, only whole words or other forms in the folder, which a GGUF file "
          + "cannot say")
    }
    let pair = read.postProcessor.apply([-1], [-2], addSpecial: true).ids
    if pair != components.postProcessor.apply([-1], [-2], addSpecial: true).ids {
      notes.append("two texts together are joined by other special tokens in a GGUF file")
    }
  }
}

extension BytePairEncoder {
  /// The merges as GGUF files have them, in the order of their priority.
  fileprivate func mergeTexts(_ tokens: ByteStrings) -> ByteStrings {
    var texts = ByteStrings()
    let pairs = merges.entries.sorted { $0.value < $1.value }
    texts.reserveCapacity(pairs.count, byteCount: 8 * pairs.count)
    for pair in pairs {
      let (left, right) = (Int(pair.key >> 32), Int(pair.key & 0xFFFF_FFFF))
      texts.append(Array(tokens.slice(left)) + [0x20] + tokens.slice(right))
    }
    return texts
  }
}
