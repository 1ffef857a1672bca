extension TokenizerDefinition {
  /// This definition with what llama.cpp assumes of its model where the file is silent.
  ///
  /// - Parameters:
  ///   - rule: the pre-tokenizer's; it counts for BPE alone.
  ///   - notes: what was ignored is added here.
  func completed(_ rule: NamedPreTokenizer, notes: inout [String]) -> TokenizerDefinition {
    var result = self
    result.dropUnknownIDs(&notes)
    func token(_ id: Int) -> Int? { tokens.count > id ? id : nil }
    switch model {
    case .bytePair, .gemma4:
      result.addBOS = addBOS ?? rule.addsBOS
      result.addSpacePrefix = false
      result.addSeparator = addSeparator ?? rule.addsSeparator
    case .sentencePiece:
      result.addBOS = addBOS ?? true
      result.addSpacePrefix = addSpacePrefix ?? true
      // The ids of Llama 1 and 2.
      result.unknownToken = result.unknownToken ?? token(0)
      result.bosToken = result.bosToken ?? token(1)
      result.eosToken = result.eosToken ?? token(2)
    case .unigram:
      result.addEOS = addEOS ?? true
      result.addSpacePrefix = addSpacePrefix ?? true
      // The ids of T5.
      result.paddingToken = result.paddingToken ?? token(0)
      result.eosToken = result.eosToken ?? token(1)
      result.unknownToken = result.unknownToken ?? token(2)
    case .wordPiece:
      result.addBOS = addBOS ?? true
      result.addSeparator = addSeparator ?? true
      result.addSpacePrefix = false
      // The ids of BERT.
      result.bosToken = result.bosToken ?? token(101)
      result.unknownToken = result.unknownToken ?? token(100)
      result.separatorToken = result.separatorToken ?? token(102)
      result.paddingToken = result.paddingToken ?? token(0)
    }
    result.addBOS = result.addBOS ?? false
    result.addEOS = result.addEOS ?? false
    result.addSeparator = result.addSeparator ?? false
    return result
  }

  /// Converted files often name special tokens that do not exist, such as −1: they are left out.
  private mutating func dropUnknownIDs(_ notes: inout [String]) {
    let fields: [(String, WritableKeyPath<TokenizerDefinition, Int?>)] = [
      ("bos", \.bosToken), ("eos", \.eosToken), ("eot", \.eotToken), ("eom", \.eomToken), ("unknown", \.unknownToken),
      ("seperator", \.separatorToken), ("padding", \.paddingToken), ("mask", \.maskToken),
    ]
    for (name, path) in fields {
      guard let id = self[keyPath: path], !tokens.indices.contains(id) else { continue }
      notes.append(
        "tokenizer.ggml.\(name)_token_id is \(id), which is none of the \(tokens.count) tokens; it is ignored")
      self[keyPath: path] = nil
    }
  }

  /// Refuses lengths that differ and tokens that must be added but are not there.
  func validate() throws(TextError) {
    guard !tokens.isEmpty else {
      throw TextError(.malformedVocabulary, "the vocabulary has no tokens; the file is damaged")
    }
    guard tokens.count <= Int32.max, tokens.bytes.count <= Int32.max else {
      throw TextError(
        .malformedVocabulary,
        "\(tokens.count) tokens with \(tokens.bytes.count) bytes are more than any vocabulary has")
    }
    guard tokenTypes.isEmpty || tokenTypes.count == tokens.count else {
      throw TextError(
        .malformedVocabulary, "\(tokenTypes.count) token types for \(tokens.count) tokens; the file is damaged")
    }
    guard scores.isEmpty || scores.count == tokens.count else {
      throw TextError(.malformedVocabulary, "\(scores.count) scores for \(tokens.count) tokens; the file is damaged")
    }
    for (name, isAdded, id) in [
      ("bos", addBOS, bosToken), ("eos", addEOS, eosToken), ("separator", addSeparator, separatorToken),
    ] where isAdded == true && id == nil {
      throw TextError(
        .malformedVocabulary,
        "texts must have the \(name) token added, but the file does not name one of its tokens for it; repair the "
          + "file's metadata")
    }
  }
}
