import Tessera
import TesseraText

/// Where tokens begin in the text that they make, in Unicode scalars; one within a character where that begins.
struct TokenPlaces: Sendable {
  private var detokenizer: StreamingDetokenizer?
  private var place: Int

  /// - Parameter start: scalars before the first token's text.
  init(_ tokenizer: Tokenizer?, from start: Int) {
    detokenizer = tokenizer.map { StreamingDetokenizer($0) }
    place = start
  }

  /// The place of the next token.
  mutating func next(_ id: Int) -> Int {
    defer { place += ((try? detokenizer?.append(id)) ?? "").unicodeScalars.count }
    return place
  }
}
