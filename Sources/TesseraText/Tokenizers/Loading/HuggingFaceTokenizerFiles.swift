import TesseraJSON

/// The documents of a model's folder from which its tokenizer is made, as Hugging Face lays them out.
package struct HuggingFaceTokenizerFiles: Sendable {
  /// `tokenizer.json`; null where there is none.
  package var tokenizer: JSONValue
  /// SentencePiece's model, which counts instead of `tokenizer`.
  package var pieceModel: [UInt8]?
  /// The name of that file.
  package var pieceModelName = ""
  /// `vocab.json`: the ids of pieces where they are not the model's own.
  package var vocabulary: JSONValue?
  /// `added_tokens.json`: ids of tokens beside the pieces.
  package var addedTokens: JSONValue?
  /// `model_type` of `config.json`, which says whose tokenizer it is where no other file does.
  package var modelType: String?
  /// `tokenizer_class` of `config.json`.
  package var tokenizerClass: String?
  /// `tokenizer_config.json`: names of special tokens, whether they are added, chat templates.
  package var tokenizerConfig: JSONValue?
  /// `special_tokens_map.json`: names of special tokens.
  package var specialTokensMap: JSONValue?
  /// `generation_config.json`: the tokens that end a generation.
  package var generationConfig: JSONValue?
  /// The text of `chat_template.jinja`.
  package var chatTemplate: String?
  /// The folder that errors name.
  package var path: String

  /// Files of a folder; the optional ones are set one by one.
  package init(tokenizer: JSONValue, path: String) {
    self.tokenizer = tokenizer
    self.path = path
  }

  /// Files of a folder that has no `tokenizer.json` but a SentencePiece model.
  package init(pieceModel: [UInt8], named name: String, path: String) {
    self.init(tokenizer: nil, path: path)
    self.pieceModel = pieceModel
    pieceModelName = name
  }

  /// An object of one of the files, whose errors name it.
  func fields(_ value: JSONValue?, _ name: String) throws(JSONError) -> JSONFields? {
    guard let value, !value.isNull else { return nil }
    return try JSONFields(of: value, path: path(name))
  }

  func path(_ name: String) -> String { path.isEmpty ? name : "\(path)/\(name)" }
}

extension Tokenizer {
  /// A tokenizer from Hugging Face's files.
  ///
  /// - Throws: `TextError` `.unsupportedComponent` and `.unsupportedPattern` for what is not known, by its name;
  ///   `.malformedFile` and `.malformedVocabulary` for damaged files, with file and field.
  package convenience init(huggingFace files: HuggingFaceTokenizerFiles) throws(TextError) {
    do {
      if let pieces = files.pieceModel {
        self.init(try TokenizerComponents(pieces: pieces, files))
      } else {
        self.init(try TokenizerComponents(files))
      }
    } catch let error as JSONError {
      throw TextError(.malformedFile, "\(error); get the file again or repair it")
    } catch let error as TextError {
      throw error
    } catch {
      throw TextError(.malformedFile, "\(files.path): \(error)")
    }
  }
}

/// A part of `tokenizer.json`: an object with a `type`.
struct ComponentFields {
  let fields: JSONFields
  let type: String

  /// - Parameter place: the keys that lead here, for errors.
  init(_ value: JSONValue, path: String?, place: String) throws {
    fields = try JSONFields(of: value, path: "\(path ?? "tokenizer.json"): \(place)")
    type = try fields.string("type")
  }

  /// A part with all that it contains, which are not more than any tokenizer has: each may go over the whole text.
  init(whole value: JSONValue, path: String?, place: String) throws {
    try self.init(value, path: path, place: place)
    let count = Self.count(value)
    guard count <= 256 else { throw error("there are \(count) parts, which is more than any tokenizer has") }
  }

  /// The parts that a value is or contains.
  private static func count(_ value: JSONValue) -> Int {
    guard let object = value.objectValue else { return 0 }
    return object.members.reduce(1) { $0 + ($1.value.arrayValue?.reduce(0) { $0 + count($1) } ?? 0) }
  }

  /// The parts of a list, such as `normalizers` of a Sequence.
  func parts(_ key: String) throws -> [ComponentFields] {
    try fields.array(key).enumerated().map {
      try ComponentFields($1, path: fields.path, place: "\(key)[\($0)]")
    }
  }

  /// The error for a type that is not known.
  func unknown(_ kind: String) -> TextError {
    TextError(
      .unsupportedComponent,
      "\(fields.path ?? ""): the \(kind) \(TextError.quoted(Array(type.utf8))) is not supported; use a GGUF of the model or "
        + "report it")
  }

  func error(_ problem: String, _ code: TextError.Code = .malformedFile) -> TextError {
    TextError(code, "\(fields.path ?? ""): \(problem)")
  }

  /// `{"String": …}` or `{"Regex": …}` as a pattern; an old file may have the text alone.
  func pattern(_ key: String) throws -> TextPattern {
    guard let value = fields[key] else { throw error("there is no \(key)") }
    if let text = value.stringValue { return try TextPattern(literal: text) }
    let object = try JSONFields(of: value, path: "\(fields.path ?? "").\(key)")
    if let text = try object.optionalString("String") { return try TextPattern(literal: text) }
    do {
      return try TextPattern(try object.string("Regex"))
    } catch let problem as TextError {
      throw error(problem.message, problem.code)
    }
  }

  /// A text that is put into others; bounded, since it may come for each character.
  func insertion(_ key: String) throws -> [UInt8] {
    let text = try fields.string(key)
    guard text.utf8.count <= 1_024 else {
      throw error("\(key) has \(text.utf8.count) bytes, which is more than any tokenizer inserts")
    }
    return Array(text.utf8)
  }

  /// A text of one character.
  func character(_ key: String) throws -> [UInt8] {
    let text = try fields.string(key)
    guard text.unicodeScalars.count == 1 else {
      throw error("\(key) should be one character but is \(TextError.quoted(Array(text.utf8)))")
    }
    return Array(text.utf8)
  }

  /// A whole number of a range.
  func int(_ key: String, in range: ClosedRange<Int>, default value: Int? = nil) throws -> Int {
    let found = if let value { try fields.optionalInt(key) ?? value } else { try fields.int(key) }
    guard range.contains(found) else {
      throw error("\(key) is \(found), but should be \(range.lowerBound) to \(range.upperBound)")
    }
    return found
  }
}
