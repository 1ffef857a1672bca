import TesseraJSON

extension AddedTokens {
  /// The added tokens of `tokenizer.json`, and those of `tokenizer_config.json`, whose flags count where both have one.
  static func read(_ document: JSONFields, config: JSONFields?) throws -> [Token] {
    var tokens: [Token] = []
    var indices: [[UInt8]: Int] = [:]
    func add(_ token: Token) {
      if let index = indices[token.content] {
        let id = tokens[index].id
        tokens[index] = token
        tokens[index].id = id
      } else {
        indices[token.content] = tokens.count
        tokens.append(token)
      }
    }
    let path = document.path ?? "tokenizer.json"
    for (index, value) in (try document.optionalArray("added_tokens") ?? []).enumerated() {
      let fields = try JSONFields(of: value, path: "\(path): added_tokens[\(index)]")
      add(try token(fields, id: try fields.int("id")))
    }
    if let decoder = try config?.optionalFields("added_tokens_decoder") {
      for token in try read(decoder) { add(token) }
    }
    return tokens
  }

  /// `added_tokens_decoder` of `tokenizer_config.json`: tokens by their ids.
  static func read(_ decoder: JSONFields) throws -> [Token] {
    try decoder.object.keys.map { key in
      guard let id = Int(key) else {
        throw TextError(
          .malformedFile,
          "\(decoder.path ?? ""): added_tokens_decoder has the key \(TextError.quoted(Array(key.utf8))), which is no id"
        )
      }
      return try token(try decoder.fields(key), id: id)
    }
  }

  private static func token(_ fields: JSONFields, id: Int) throws -> Token {
    var token = Token(id: id, content: Array(try fields.string("content").utf8))
    token.isWord = try fields.optionalBool("single_word") ?? false
    token.stripsLeft = try fields.optionalBool("lstrip") ?? false
    token.stripsRight = try fields.optionalBool("rstrip") ?? false
    token.isSpecial = try fields.optionalBool("special") ?? false
    token.isNormalized = try fields.optionalBool("normalized") ?? !token.isSpecial
    return token
  }
}
