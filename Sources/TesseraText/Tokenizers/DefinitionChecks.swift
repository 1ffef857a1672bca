extension TokenizerDefinition {
  /// This definition with what llama.cpp assumes of its model where the file is silent.
  func completed() throws(TextError) -> TokenizerDefinition {
    var result = self
    switch model {
    case "gpt2":
      result.addBOS = addBOS ?? PreTokenizer.llama3Names.contains(preTokenizer ?? "")
      result.addSpacePrefix = false
    case "llama":
      result.addBOS = addBOS ?? true
      result.addSpacePrefix = addSpacePrefix ?? true
      // The ids of Llama 1 and 2.
      result.unknownToken = unknownToken ?? (tokens.count > 0 ? 0 : nil)
      result.bosToken = bosToken ?? (tokens.count > 1 ? 1 : nil)
      result.eosToken = eosToken ?? (tokens.count > 2 ? 2 : nil)
    default:
      throw TextError(
        .unsupportedModel,
        "tokenizer model \(TextError.quoted(Array(model.utf8))) is not supported; known are: gpt2 (byte-level BPE), "
          + "llama (SentencePiece)")
    }
    result.addEOS = addEOS ?? false
    return result
  }

  /// Refuses lengths that differ and ids that are no tokens.
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
    let ids = [
      ("bos", bosToken), ("eos", eosToken), ("eot", eotToken), ("eom", eomToken), ("unknown", unknownToken),
      ("padding", paddingToken),
    ]
    for case (let name, let id?) in ids where !tokens.indices.contains(id) {
      throw TextError(
        .tokenOutOfRange,
        "the \(name) token \(id) is not in the vocabulary, whose ids are 0 to \(tokens.count - 1); the file is damaged")
    }
    for (name, isAdded, id) in [("bos", addBOS, bosToken), ("eos", addEOS, eosToken)] where isAdded == true {
      guard id == nil else { continue }
      throw TextError(.malformedVocabulary, "texts must have the \(name) token added, but the file does not name it")
    }
  }
}
