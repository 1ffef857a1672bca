/// Rows of an embedding table: y[token, i] = table[id[token], i] · scale.
package enum ReferenceEmbedding {
  /// The rows that `tokens` name, from a table in any weight format.
  ///
  /// - Parameters:
  ///   - tokens: token ids, each in 0..<vocabularySize
  ///   - bytes: the table [vocabularySize, width] in format `type`
  ///   - scale: √width for Gemma, 1 for most families; multiplied in float32
  /// - Returns: [tokens, width]
  /// - Throws: ``ReferenceError`` for an id outside the vocabulary or a length that does not match.
  package static func lookup(
    tokens: [Int], type: ReferenceWeightType, bytes: [UInt8], vocabularySize: Int, width: Int, scale: Float = 1
  ) throws(ReferenceError) -> [Float] {
    let rowByteCount = try type.byteCount(elements: width)
    try require(bytes, count: try elementCount(vocabularySize, rowByteCount, of: "table"), "table bytes")
    var y: [Float] = []
    for token in tokens {
      guard (0..<vocabularySize).contains(token) else {
        throw ReferenceError(.tokenOutOfRange, "token id \(token) is outside the vocabulary of \(vocabularySize)")
      }
      let row = Array(bytes[(token * rowByteCount)..<((token + 1) * rowByteCount)])
      y += try ReferenceQuantization.dequantize(type: type, bytes: row, count: width).map { $0 * scale }
    }
    return y
  }
}
