import TesseraFiles
import TesseraJSON
import TesseraModels

/// How a model's hidden states become one vector a text, as its files say.
struct EmbeddingSettings: Equatable {
  /// What a pooled vector goes through.
  enum Step: Equatable {
    case dense(DenseHead)
    case normalize
  }

  /// Nil where the files do not say.
  var pooling: Embedder.Pooling?
  var steps: [Step] = [.normalize]
  /// Tokens of a text that are read, those that are added included; nil: as many as the context has.
  var longestText: Int?
  /// Texts are brought to lower case first.
  var isLowercased = false
  /// Texts that are put before others, by their names.
  var prompts: [String: String] = [:]
  /// The name of the one that is put before a text where nobody says which.
  var defaultPrompt: String?
  /// Whether a prompt's tokens are pooled, too.
  var poolsPrompt = true

  var isNormalized: Bool { steps.contains(.normalize) }

  /// - Throws: `FileError` and `JSONError` for damaged documents, `ModelError` for what is not supported.
  init(_ checkpoint: any Checkpoint) throws {
    switch checkpoint {
    case let file as GGUFCheckpoint: try read(file.metadata, path: file.path)
    case let folder as HuggingFaceCheckpoint: try read(folder)
    default: break
    }
  }

  /// `ARCHITECTURE.pooling_type`, by llama.cpp's numbers.
  private mutating func read(_ metadata: Metadata, path: String) throws {
    guard let architecture = try metadata.optionalString("general.architecture"),
      let number = try metadata.optionalInt("\(architecture).pooling_type")
    else { return }
    switch number {
    case 0: break
    case 1: pooling = .mean
    case 2: pooling = .cls
    case 3: pooling = .last
    default:
      throw ModelError(
        .unsupportedFeature,
        "\(path): \(architecture).pooling_type is \(number): 1 (mean), 2 (cls) and 3 (last) are supported; --pooling "
          + "chooses another")
    }
  }

  /// The steps that sentence-transformers runs, in `modules.json`, and their configurations.
  private mutating func read(_ folder: HuggingFaceCheckpoint) throws {
    if let fields = try folder.object(.sentenceBert) {
      longestText = try fields.optionalInt("max_seq_length")
      isLowercased = try fields.optionalBool("do_lower_case") ?? false
      if let longestText, longestText < 1 {
        throw ModelError(
          .inconsistent, "\(folder.path(of: .sentenceBert)): max_seq_length is \(longestText): it must be 1 or more")
      }
    }
    try readPrompts(folder)
    guard let modules = try folder.json(.modules) else { return }
    guard let list = modules.arrayValue else {
      throw ModelError(.inconsistent, "\(folder.path(of: .modules)): it is no list of modules")
    }
    steps = []
    for module in list {
      let type = module.objectValue?["type"]?.stringValue ?? ""
      let path = module.objectValue?["path"]?.stringValue
      switch type.split(separator: ".").last.map(String.init) ?? "" {
      case "Transformer": break
      case "Pooling": try readPooling(HuggingFaceModule(path ?? "1_Pooling", of: folder))
      case "Dense": steps.append(.dense(try DenseHead(HuggingFaceModule(path ?? "2_Dense", of: folder))))
      case "Normalize": steps.append(.normalize)
      default:
        throw ModelError(
          .unsupportedFeature,
          "\(folder.path(of: .modules)): the module \"\(type)\" is not supported: Transformer, Pooling, Dense and "
            + "Normalize are")
      }
    }
  }

  private mutating func readPrompts(_ folder: HuggingFaceCheckpoint) throws {
    guard let fields = try folder.object(.sentenceTransformers) else { return }
    let path = folder.path(of: .sentenceTransformers)
    for (name, value) in try fields.optionalFields("prompts")?.object.members ?? [] {
      guard let text = value.stringValue else {
        throw ModelError(.inconsistent, "\(path): the prompt \"\(name)\" is no text")
      }
      prompts[name] = text
    }
    defaultPrompt = try fields.optionalString("default_prompt_name")
    if let defaultPrompt, prompts[defaultPrompt] == nil {
      throw ModelError(.inconsistent, "\(path): the default prompt \"\(defaultPrompt)\" is not among the prompts")
    }
  }

  private static let poolings: [String: Embedder.Pooling] = [
    "mean_tokens": .mean, "mean": .mean, "cls_token": .cls, "cls": .cls, "lasttoken": .last, "last": .last,
    "max_tokens": .max, "max": .max, "weightedmean_tokens": .weightedMean, "weightedmean": .weightedMean,
    "mean_sqrt_len_tokens": .meanSqrt,
  ]

  private mutating func readPooling(_ module: HuggingFaceModule) throws {
    guard let fields = try module.config() else { return }
    let prefix = "pooling_mode_"
    let names =
      try fields.optionalString("pooling_mode").map { [$0] }
      ?? fields.object.members.filter { $0.key.hasPrefix(prefix) && $0.value.boolValue == true }
      .map { String($0.key.dropFirst(prefix.count)) }
    poolsPrompt = try fields.optionalBool("include_prompt") ?? true
    guard let name = names.first else { return }
    guard names.count == 1, let found = Self.poolings[name] else {
      throw ModelError(
        .unsupportedFeature,
        "\(module.path): pooling by \(names.joined(separator: " and ")) is not supported: mean, cls, the last token, max, "
          + "weighted mean or mean by the root of the length alone are; --pooling chooses another")
    }
    pooling = found
  }
}
