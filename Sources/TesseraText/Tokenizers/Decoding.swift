extension Tokenizer {
  /// The bytes that tokens stand for, which need not be UTF-8: a character may be cut at either end.
  ///
  /// Undoes `encode`: control tokens stand for nothing, and the space that SentencePiece puts before a text is taken
  /// away. (Those that it puts after special tokens within a text stay, as in llama.cpp.)
  ///
  /// - Parameters:
  ///   - ids: from 0 to `vocabularyCount` - 1.
  ///   - includingControl: whether control tokens stand for their texts.
  /// - Throws: `TextError` `.tokenOutOfRange` for an id that is no token.
  public func decodeBytes(_ ids: [Int], includingControl: Bool = false) throws(TextError) -> [UInt8] {
    var output: [UInt8] = []
    var stream = DecoderStream(components.decoder, beginsText: true)
    for id in ids {
      try check(id)
      if isControl(id) {
        if !includingControl { continue }
        if components.pieces != .asStored {
          output += components.tokens.slice(id)
          continue
        }
      }
      try stream.push(storedPiece(id), into: &output)
    }
    try stream.finish(into: &output)
    return output
  }

  /// The text that tokens stand for, with U+FFFD for what is no UTF-8; otherwise as `decodeBytes`.
  public func decode(_ ids: [Int], includingControl: Bool = false) throws(TextError) -> String {
    String(decoding: try decodeBytes(ids, includingControl: includingControl), as: UTF8.self)
  }

  /// The bytes of one token within a text: for control tokens their text, for unused tokens none.
  /// - Throws: `TextError` `.tokenOutOfRange` for an id that is no token.
  public func piece(_ id: Int) throws(TextError) -> [UInt8] {
    try check(id)
    if components.pieces != .asStored { return storedPiece(id) }
    if isControl(id) { return components.tokens[id] }
    return try components.decoder.decode([components.tokens[id]], beginsText: false)
  }

  /// A token's text as the decoder takes it. The id must be one.
  func storedPiece(_ id: Int) -> [UInt8] {
    let text = components.tokens.slice(id)
    let attributes = components.attributes[id]
    guard components.pieces != .asStored, attributes.isDisjoint(with: .special) else { return Array(text) }
    if attributes.contains(.byte) { return TokenDecoder.Step.byte(named: text).map { [$0] } ?? Array(text) }
    guard attributes.contains(.normal) else { return [] }
    if components.pieces == .byteLevel { return ByteLevelAlphabet.bytes(of: text) ?? Array(text) }
    var piece = Array(text)
    piece.replaceAll(SentencePieceNormalizer.space, with: [0x20])
    return piece
  }
}
