import Foundation
import TesseraJSON

extension Normalizer {
  /// The steps of a `normalizer` of `tokenizer.json`.
  static func steps(_ part: ComponentFields) throws -> [Normalizer] {
    let fields = part.fields
    switch part.type {
    case "Sequence": return try part.parts("normalizers").flatMap { try steps($0) }
    case "BertNormalizer":
      let lowercases = try fields.optionalBool("lowercase") ?? true
      return [
        .bert(
          BertNormalizer(
            cleansText: try fields.optionalBool("clean_text") ?? true,
            separatesIdeographs: try fields.optionalBool("handle_chinese_chars") ?? true,
            stripsAccents: try fields.optionalBool("strip_accents") ?? lowercases, lowercases: lowercases))
      ]
    case "Strip":
      return [
        .strip(
          left: try fields.optionalBool("strip_left") ?? true, right: try fields.optionalBool("strip_right") ?? true)
      ]
    case "StripAccents": return [.stripAccents]
    case "Lowercase": return [.lowercase]
    case "Nmt": return [.nmt]
    case "ByteLevel": return [.byteLevel]
    case "Prepend": return [.prepend(try part.insertion("prepend"))]
    case "Replace": return [.replace(try part.pattern("pattern"), try part.insertion("content"))]
    case "Precompiled":
      let text = try fields.optionalString("precompiled_charsmap") ?? ""
      if text.isEmpty { return [] }
      guard let data = Data(base64Encoded: text) else { throw part.error("precompiled_charsmap is no base64") }
      do throws(TextError) {
        return [.precompiled(try CharacterMap([UInt8](data)))]
      } catch {
        throw part.error(error.message, error.code)
      }
    default:
      guard let form = UnicodeForm(rawValue: part.type) else { throw part.unknown("normalizer") }
      return [.unicode(form)]
    }
  }
}
