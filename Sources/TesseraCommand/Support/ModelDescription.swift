import TesseraFiles
import TesseraJSON

/// A checkpoint's description of itself: a GGUF file's metadata, or a folder's `config.json`.
struct ModelDescription {
  let architecture: String
  let format: String
  let values: [String: MetadataJSON]
  /// Each key with its value in few words.
  let lines: [String]

  init(_ checkpoint: any Checkpoint) throws {
    switch checkpoint {
    case let file as GGUFCheckpoint:
      let metadata = file.metadata
      architecture = try metadata.optionalString("general.architecture") ?? ""
      format = "GGUF v\(file.files.first?.version ?? 0)" + (file.files.count > 1 ? " in \(file.files.count) parts" : "")
      values = Dictionary(
        metadata.keys.compactMap { key in metadata[key].map { (key, MetadataJSON(value: .metadata($0))) } },
        uniquingKeysWith: { $1 })
      lines = metadata.keys.map { "\($0) = \(metadata[$0].map(MetadataText.brief) ?? "")" }
    case let folder as HuggingFaceCheckpoint:
      let config = folder.config
      architecture = try config.optionalStrings("architectures")?.first ?? config.optionalString("model_type") ?? ""
      format = "safetensors, \(folder.weights.files.count) file\(folder.weights.files.count == 1 ? "" : "s")"
      values = Dictionary(
        config.object.members.map { ($0.key, MetadataJSON(value: .json($0.value))) }, uniquingKeysWith: { $1 })
      lines = config.object.members.map { "\($0.key) = \($0.value.text())" }
    default: (architecture, format, values, lines) = ("", "described", [:], [])
    }
  }
}

/// A metadata value as JSON: numbers, texts and flags as they are; of a long array the count and how it begins.
struct MetadataJSON: Encodable {
  enum Value {
    case metadata(MetadataValue)
    case json(JSONValue)
  }

  let value: Value

  private static let longestArray = 64
  private enum LongArray: String, CodingKey { case count, first }

  func encode(to encoder: any Encoder) throws {
    switch value {
    case .metadata(let value): try encode(value, to: encoder)
    case .json(let value): try encode(value, to: encoder)
    }
  }

  private func encode(_ value: JSONValue, to encoder: any Encoder) throws {
    switch value {
    case .array(let array): try array.map { MetadataJSON(value: .json($0)) }.encode(to: encoder)
    case .object(let object):
      try Dictionary(
        object.members.map { ($0.key, MetadataJSON(value: .json($0.value))) }, uniquingKeysWith: { $1 }
      ).encode(to: encoder)
    case .null, .bool, .int, .double, .string:
      var container = encoder.singleValueContainer()
      if let text = value.stringValue {
        try container.encode(text)
      } else if let flag = value.boolValue {
        try container.encode(flag)
      } else if let number = value.intValue {
        try container.encode(number)
      } else if let number = value.doubleValue {
        try container.encode(number)
      } else {
        try container.encodeNil()
      }
    }
  }

  private func encode(_ value: MetadataValue, to encoder: any Encoder) throws {
    if let array = value.arrayValue {
      let first = (0..<min(array.count, Self.longestArray)).compactMap {
        array[$0].map { MetadataJSON(value: .metadata($0)) }
      }
      guard array.count > Self.longestArray else { return try first.encode(to: encoder) }
      var container = encoder.container(keyedBy: LongArray.self)
      try container.encode(array.count, forKey: .count)
      try container.encode(Array(first.prefix(3)), forKey: .first)
      return
    }
    var container = encoder.singleValueContainer()
    if let text = value.stringValue {
      try container.encode(text)
    } else if let flag = value.boolValue {
      try container.encode(flag)
    } else if let number = value.intValue {
      try container.encode(number)
    } else {
      try container.encode(value.doubleValue)
    }
  }
}

/// Metadata in few words.
enum MetadataText {
  static func brief(_ value: MetadataValue) -> String {
    if let array = value.arrayValue {
      let first = (0..<min(3, array.count)).compactMap { array[$0].map(brief) }.joined(separator: ", ")
      return "[\(array.count)] \(first)\(array.count > 3 ? ", …" : "")"
    }
    if let text = value.stringValue { return text }
    if let flag = value.boolValue { return "\(flag)" }
    if let number = value.intValue { return "\(number)" }
    return value.doubleValue.map { "\($0)" } ?? ""
  }
}
