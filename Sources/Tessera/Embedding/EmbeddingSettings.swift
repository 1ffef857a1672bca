import TesseraFiles
import TesseraJSON
import TesseraModels

/// How a model's hidden states become one vector a text, as its files say.
struct EmbeddingSettings: Equatable {
  /// Nil where the files do not say.
  var pooling: Embedder.Pooling?
  var isNormalized = true
  /// Tokens of a text that are read, those that are added included; nil: as many as the context has.
  var longestText: Int?
  /// Texts are brought to lower case first.
  var isLowercased = false

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
    guard let modules = try folder.json(.modules) else { return }
    guard let list = modules.arrayValue else {
      throw ModelError(.inconsistent, "\(folder.path(of: .modules)): it is no list of modules")
    }
    isNormalized = false
    for module in list {
      let type = module.objectValue?["type"]?.stringValue ?? ""
      switch type.split(separator: ".").last.map(String.init) ?? "" {
      case "Transformer": break
      case "Pooling": pooling = try Self.pooling(folder)
      case "Normalize": isNormalized = true
      default:
        throw ModelError(
          .unsupportedFeature,
          "\(folder.path(of: .modules)): the module \"\(type)\" is not supported: Transformer, Pooling and Normalize are"
        )
      }
    }
  }

  private static func pooling(_ folder: HuggingFaceCheckpoint) throws -> Embedder.Pooling? {
    guard let fields = try folder.object(.pooling) else { return nil }
    let prefix = "pooling_mode_"
    let names =
      try fields.optionalString("pooling_mode").map { [$0] }
      ?? fields.object.members.filter { $0.key.hasPrefix(prefix) && $0.value.boolValue == true }
      .map { String($0.key.dropFirst(prefix.count)) }
    switch names {
    case ["mean_tokens"], ["mean"]: return .mean
    case ["cls_token"], ["cls"]: return .cls
    case ["lasttoken"], ["last"]: return .last
    case []: return nil
    default:
      throw ModelError(
        .unsupportedFeature,
        "\(folder.path(of: .pooling)): pooling by \(names.joined(separator: " and ")) is not supported: mean, cls or the "
          + "last token alone are; --pooling chooses another")
    }
  }
}
