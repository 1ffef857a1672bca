import TesseraFiles
import TesseraModels
import TesseraText

/// A model's files, or the description of a random one, and what is read of them before the weights.
package struct ModelSource: Sendable {
  package let checkpoint: any Checkpoint
  /// Of a described model's random weights.
  let seed: UInt32

  /// - Parameter path: of a GGUF file, the first of several that are one model, or a Hugging Face folder.
  /// - Throws: `FileError` if there is none, or it is damaged.
  package init(path: String) throws {
    guard !Adapter.isThere(path) else {
      throw TesseraError(
        .unsupportedFile, "\(path): this is an adapter and no model: name its model with -m, and it with --lora")
    }
    checkpoint = try openCheckpoint(path: path)
    seed = 0
  }

  /// A model that was opened already.
  package init(_ checkpoint: any Checkpoint) { (self.checkpoint, seed) = (checkpoint, 0) }

  /// A model of random weights; its tokens are the 256 bytes and names such as `<257>`.
  ///
  /// - Throws: `FileError`, `ModelError` for sizes that make no model.
  package init(_ model: RandomModel) throws {
    checkpoint = try model.checkpoint()
    seed = model.seed
  }

  package var path: String { checkpoint.path }
  /// The last part of the path, by which a model is known.
  package var name: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// The tokenizer that the files describe.
  ///
  /// - Parameter vocabularySize: rows of the model's embedding, which may be more than the tokenizer's tokens; nil checks nothing.
  package func tokenizer(vocabularySize: Int? = nil) throws -> Tokenizer {
    let tokenizer: Tokenizer
    switch checkpoint {
    case let file as GGUFCheckpoint:
      do { tokenizer = try Tokenizer(Self.definition(file.metadata)) } catch let error as TextError {
        throw TextError(error.code, "\(path): \(error.message)")
      }
    case let folder as HuggingFaceCheckpoint: tokenizer = try Self.tokenizer(of: folder)
    case is DescribedCheckpoint: tokenizer = try Tokenizer(Self.byteTokens(count: vocabularySize ?? 257))
    default:
      throw TesseraError(.noTokenizer, "\(path): there is no tokenizer: only what takes token ids works (--tokens)")
    }
    if let vocabularySize, tokenizer.vocabularyCount > vocabularySize {
      throw TesseraError(
        .unsupportedFile,
        "\(path): the tokenizer has \(tokenizer.vocabularyCount) tokens, but the embedding \(vocabularySize) rows: the "
          + "files are damaged or not of one model")
    }
    return tokenizer
  }

  /// The token that begins a text, as a folder's configuration names it.
  func beginToken() throws -> Int? {
    try (checkpoint as? HuggingFaceCheckpoint)?.config.optionalInt("bos_token_id")
  }

  /// The chat template, if there is one. Of several, as transformers chooses: `tool_use` for conversations with tools where
  /// there is one, else `default`.
  ///
  /// - Parameters:
  ///   - tokenizer: the one of `tokenizer(vocabularySize:)`, whose files may have it.
  ///   - hasTools: whether it is for conversations with tools.
  /// - Throws: `ChatError` for a template that cannot be interpreted, `TesseraError` `.noChatTemplate` where there are
  ///   several of which none is the usual one.
  package func chatTemplate(of tokenizer: Tokenizer, hasTools: Bool = false) throws -> ChatTemplate? {
    let templates = try chatTemplates(of: tokenizer)
    if hasTools, let template = try ChatTemplate(ofModel: templates["tool_use"]) { return template }
    if templates["default"] == nil, !templates.isEmpty {
      throw TesseraError(
        .noChatTemplate,
        "\(path): the model has the chat templates \(templates.keys.sorted().joined(separator: ", ")), of which none is the "
          + "default: name one so in the model's files, or render one with 'template --template'")
    }
    return try ChatTemplate(ofModel: templates["default"])
  }

  /// All chat templates by their names; the usual one is `default`.
  func chatTemplates(of tokenizer: Tokenizer) throws -> [String: String] {
    switch checkpoint {
    case let file as GGUFCheckpoint:
      let others = try file.metadata.optionalStrings(Self.templateNamesKey) ?? ["tool_use"]
      var templates: [String: String] = [:]
      for name in ["default"] + others {
        templates[name] = try file.metadata.optionalString(Self.templateKey(name))
      }
      return templates
    case let folder as HuggingFaceCheckpoint:
      var templates = tokenizer.chatTemplates
      if let text = try folder.text(.toolTemplate) { templates["tool_use"] = text }
      return templates
    default: return [:]
    }
  }

  /// The key of a GGUF file that lists the names of the templates that are not the usual one.
  static let templateNamesKey = "tokenizer.chat_templates"

  /// The key of a GGUF file under which a chat template is.
  static func templateKey(_ name: String) -> String {
    "tokenizer.chat_template" + (name == "default" ? "" : ".\(name)")
  }

  private static func tokenizer(of folder: HuggingFaceCheckpoint) throws -> Tokenizer {
    var files: HuggingFaceTokenizerFiles
    if let document = try folder.json(.tokenizer) {
      files = HuggingFaceTokenizerFiles(tokenizer: document, path: folder.path)
    } else {
      let names: [HuggingFaceDocument] = [.sourcePieces, .fairseqPieces, .pieces, .llamaPieces]
      guard let name = names.first(where: { folder.has($0) }), let model = try folder.bytes(name) else {
        throw TesseraError(
          .noTokenizer,
          "\(folder.path): the folder has no tokenizer.json, nor a SentencePiece model ("
            + names.map(\.rawValue).joined(separator: ", ") + "): only what takes token ids works (--tokens)")
      }
      files = HuggingFaceTokenizerFiles(pieceModel: model, named: name.rawValue, path: folder.path)
      files.vocabulary = try folder.json(.vocabulary)
      files.addedTokens = try folder.json(.addedTokens)
      files.modelType = try folder.config.optionalString("model_type")
      files.tokenizerClass = try folder.config.optionalString("tokenizer_class")
    }
    files.tokenizerConfig = try folder.json(.tokenizerConfig)
    files.specialTokensMap = try folder.json(.specialTokensMap)
    files.generationConfig = try folder.json(.generationConfig)
    files.chatTemplate = try folder.text(.chatTemplate)
    return try Tokenizer(huggingFace: files)
  }
}
