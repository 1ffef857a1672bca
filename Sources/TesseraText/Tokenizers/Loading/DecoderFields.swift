import TesseraJSON

extension TokenDecoder {
  /// The steps of a `decoder` of `tokenizer.json`.
  static func steps(_ part: ComponentFields) throws -> [Step] {
    let fields = part.fields
    func bytes(_ key: String, _ value: String) throws -> [UInt8] {
      Array((try fields.optionalString(key) ?? value).utf8)
    }
    switch part.type {
    case "Sequence": return try part.parts("decoders").flatMap { try steps($0) }
    case "ByteLevel": return [.byteLevel]
    case "Metaspace":
      let scheme = try fields.optionalString("prepend_scheme")
      let isPrefixed = try scheme.map { $0 != "never" } ?? fields.optionalBool("add_prefix_space") ?? true
      return [.metaspace(replacement: try part.character("replacement"), dropsFirst: isPrefixed)]
    case "WordPiece":
      return [
        .wordPiece(prefix: try bytes("prefix", "##"), cleansUp: try fields.optionalBool("cleanup") ?? true)
      ]
    case "ByteFallback": return [.byteFallback]
    case "Fuse": return [.fuse]
    case "Strip":
      let limit = 0...1 << 20
      return [
        .strip(
          content: try part.character("content"), start: try part.int("start", in: limit),
          stop: try part.int("stop", in: limit))
      ]
    case "Replace": return [.replace(try part.pattern("pattern"), try part.insertion("content"))]
    case "CTC":
      return [
        .ctc(
          padding: try bytes("pad_token", "<pad>"), delimiter: try bytes("word_delimiter_token", "|"),
          cleansUp: try fields.optionalBool("cleanup") ?? true)
      ]
    case "BPEDecoder": return [.wordSuffix(try bytes("suffix", "</w>"))]
    default: throw part.unknown("decoder")
    }
  }
}
