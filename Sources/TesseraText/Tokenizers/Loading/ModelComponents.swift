import TesseraJSON

extension ModelFields {
  /// The model over its own vocabulary, without added tokens.
  ///
  /// - Parameters:
  ///   - tokens: the texts by their ids.
  ///   - scores: those of a unigram model's tokens.
  func model(
    _ tokens: ByteStrings, _ table: ByteStringTable, scores: [Double], notes: inout [String]
  ) throws -> TokenModel {
    switch kind {
    case .bytePair: return .bytePair(try bytePairs(table, &notes))
    case .unigram: return .unigram(try unigram(tokens, table, scores))
    case .wordPiece:
      let unknown = try unknownToken(table, &notes)
      var trie = ByteTrie(byteCount: tokens.bytes.count)
      for id in tokens.indices { trie.insert(tokens.slice(id), id) }
      let longest = try fields.optionalInt("max_input_chars_per_word") ?? 100
      return .wordPiece(
        WordPieceEncoder(
          trie: trie, wordPrefix: [],
          continuingPrefix: Array((try fields.optionalString("continuing_subword_prefix") ?? "##").utf8),
          longestWord: max(longest, 0), unknownToken: unknown))
    case .wordLevel: return .wordLevel(table, unknownToken: try unknownToken(table, &notes))
    }
  }

  private func unknownToken(_ table: ByteStringTable, _ notes: inout [String]) throws -> Int? {
    guard let name = try fields.optionalString("unk_token") else { return nil }
    let id = table.id(of: Array(name.utf8))
    if id == nil {
      notes.append("\(place).unk_token is \(TextError.quoted(Array(name.utf8))), which is no token; it is ignored")
    }
    return id
  }

  private func bytePairs(_ table: ByteStringTable, _ notes: inout [String]) throws -> BytePairEncoder {
    if let dropout = try fields.optionalDouble("dropout"), dropout != 0 {
      throw TextError(
        .unsupportedComponent,
        "\(place).dropout is \(dropout), by which the same text would get other tokens each time; set it to null")
    }
    var options = BytePairEncoder.Options()
    if let id = try unknownToken(table, &notes) {
      options.unknown = .token(id, isFused: try fields.optionalBool("fuse_unk") ?? false)
    }
    options.fallsBackToBytes = try fields.optionalBool("byte_fallback") ?? false
    options.wholeWords = try fields.optionalBool("ignore_merges") ?? false ? .all : .none
    options.continuingPrefix = Array((try fields.optionalString("continuing_subword_prefix") ?? "").utf8)
    options.wordSuffix = Array((try fields.optionalString("end_of_word_suffix") ?? "").utf8)
    do {
      return try BytePairEncoder(table, merges: merges(), options: options)
    } catch let error as TextError where error.code == .malformedVocabulary {
      throw TextError(error.code, "\(place).merges: \(error.message)")
    }
  }

  private func unigram(
    _ tokens: ByteStrings, _ table: ByteStringTable, _ scores: [Double]
  ) throws -> UnigramEncoder {
    let unknown = try fields.optionalInt("unk_id")
    if let unknown, !scores.indices.contains(unknown) {
      throw TextError(
        .tokenOutOfRange,
        "\(place).unk_id is \(unknown), but the ids are 0 to \(scores.count - 1); the file is damaged, get it again")
    }
    var trie = ByteTrie(byteCount: tokens.bytes.count)
    for id in scores.indices { trie.insert(tokens.slice(id), id) }
    return UnigramEncoder(
      trie: trie, scores: scores, worst: scores.min() ?? 0, unknownToken: unknown,
      byteTokens: try fields.optionalBool("byte_fallback") ?? false ? table.byteTokens() : [])
  }
}
