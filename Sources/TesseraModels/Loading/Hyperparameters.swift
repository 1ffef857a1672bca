import TesseraFiles
import TesseraJSON

/// A model's sizes and switches under both name schemes: a GGUF file's metadata, or a folder's `config.json`.
///
/// Every look-up names the key of each scheme; nil: the scheme has none. GGUF keys get the architecture before them.
struct Hyperparameters: Sendable {
  enum Source: Sendable {
    case gguf(Metadata)
    case huggingFace(JSONFields)
  }

  let checkpoint: any Checkpoint
  let source: Source
  /// `general.architecture`, or the first of `architectures`.
  let architecture: String
  /// Where look-ups are noted, for a folder that becomes a GGUF file.
  var record: ExportRecord?
  let asked = AskedKeys()

  init(_ checkpoint: any Checkpoint) throws {
    self.checkpoint = checkpoint
    switch checkpoint {
    case let folder as HuggingFaceCheckpoint:
      source = .huggingFace(folder.config)
      guard let name = try folder.config.optionalStrings("architectures")?.first else {
        throw ModelError(
          .unsupportedArchitecture,
          "\(checkpoint.path): config.json names no \"architectures\", which say what the weights are for: get it from "
            + "where the model was published")
      }
      architecture = name
    case let file as GGUFCheckpoint:
      source = .gguf(file.metadata)
      architecture = try file.metadata.string("general.architecture")
    case let described as DescribedCheckpoint:
      source = .gguf(described.metadata)
      architecture = try described.metadata.string("general.architecture")
    default:
      throw ModelError(.unsupportedFeature, "\(checkpoint.path): a kind of checkpoint without hyperparameters")
    }
  }

  var isGGUF: Bool { if case .gguf = source { true } else { false } }

  /// The first of several keys that `config.json` has, where older files call a thing otherwise.
  func present(_ names: String...) -> String? {
    guard case .huggingFace(let config) = source else { return names.first }
    return names.first { config[$0].map { !$0.isNull } ?? false } ?? names.first
  }

  // MARK: One value

  /// A whole number within `range`; nil where the key is absent.
  func optionalInt(_ name: String?, gguf: String?, in range: ClosedRange<Int>) throws -> Int? {
    let value: Int?
    switch source {
    case .gguf(let metadata): value = try gguf.flatMap { try metadata.optionalInt(key($0)) }
    case .huggingFace(let config): value = try name.flatMap { try config.optionalInt($0) }
    }
    if let value { try check(value, in: range, name, gguf) }
    if let value, let gguf { record?.set(gguf, value) }
    return value
  }

  /// - Parameter fallback: where the key is absent; within the range, too, as it may follow from other sizes.
  func int(_ name: String?, gguf: String?, in range: ClosedRange<Int>, default fallback: Int? = nil) throws -> Int {
    guard let value = try optionalInt(name, gguf: gguf, in: range) ?? fallback else { throw missing(name, gguf) }
    try check(value, in: range, name, gguf)
    if let gguf {
      record?.set(gguf, value)
    } else if let name, let fallback, value != fallback, !Self.comparedNames.contains(name) {
      record?.addInexpressible(name, value)
    }
    return value
  }

  private func check(_ value: Int, in range: ClosedRange<Int>, _ name: String?, _ gguf: String?) throws {
    guard !range.contains(value) else { return }
    throw inconsistent("\(shown(name, gguf)) is \(value), \(range.lowerBound) to \(range.upperBound) are possible")
  }

  /// The facts that decide on a profile, and nothing else: profiles are compared.
  private static let comparedNames: Set = ["max_window_layers", "type_vocab_size"]

  func optionalDouble(_ name: String?, gguf: String?) throws -> Double? {
    switch source {
    case .gguf(let metadata): return try gguf.flatMap { try metadata.optionalDouble(key($0)) }
    case .huggingFace(let config):
      let value = try name.flatMap { try config.optionalDouble($0) }
      if let value, let gguf { record?.set(gguf, value) }
      return value
    }
  }

  /// A number over 0 and under `limit`; nil where the key is absent.
  func optionalPositive(_ name: String?, gguf: String?, under limit: Double = 1e12) throws -> Double? {
    let value = try optionalDouble(name, gguf: gguf)
    if let value, !(value > 0 && value < limit) {
      throw inconsistent("\(shown(name, gguf)) is \(value), a number over 0 and under \(limit) is needed")
    }
    return value
  }

  func positive(_ name: String?, gguf: String?, under limit: Double = 1e12, default fallback: Double? = nil) throws
    -> Double
  {
    // A default is that of `config.json`: in GGUF files llama.cpp requires the key.
    let fallback = isGGUF && gguf != nil ? nil : fallback
    guard let value = try optionalPositive(name, gguf: gguf, under: limit) ?? fallback else {
      throw missing(name, gguf)
    }
    if let gguf { record?.set(gguf, value) }
    return value
  }

  func optionalString(_ name: String?, gguf: String?) throws -> String? {
    switch source {
    case .gguf(let metadata): return try gguf.flatMap { try metadata.optionalString(key($0)) }
    case .huggingFace(let config):
      let value = try name.flatMap { try config.optionalString($0) }
      if let value, let gguf { record?.set(gguf, .string(value)) }
      return value
    }
  }

  func optionalBool(_ name: String?, gguf: String?) throws -> Bool? {
    switch source {
    case .gguf(let metadata): return try gguf.flatMap { try metadata.optionalBool(key($0)) }
    case .huggingFace(let config):
      let value = try name.flatMap { try config.optionalBool($0) }
      if let value, let gguf { record?.set(gguf, .bool(value)) }
      return value
    }
  }

  /// Whether there are biases: a folder says so, and others would be unused, which is refused; a GGUF file has them or
  /// not.
  func bias(_ name: String, default fallback: Bool = false) throws -> BiasRule {
    if isGGUF { return .ifPresent }
    return try optionalBool(name, gguf: nil) ?? fallback ? .required : BiasRule.none
  }

  // MARK: A value for each layer

  /// A whole number for each of `count` layers: one for all, or an array.
  func ints(_ name: String?, gguf: String?, count: Int, in range: ClosedRange<Int>, default fallback: Int? = nil)
    throws -> [Int]
  {
    // The types of a GGUF key are told apart by trying.
    if case .gguf(let metadata) = source, let gguf, let array = try? metadata.optionalArray(key(gguf)) {
      let values = try array.ints()
      guard values.count == count, values.allSatisfy(range.contains) else {
        throw inconsistent(
          "\(key(gguf)) has \(values.count) values, \(count) of \(range.lowerBound) to \(range.upperBound) are needed")
      }
      return values
    }
    return Array(repeating: try int(name, gguf: gguf, in: range, default: fallback), count: count)
  }

  /// A flag for each layer under a GGUF key; `values` where there is none.
  func bools(_ gguf: String, count: Int, of values: [Bool]) throws -> [Bool] {
    guard case .gguf(let metadata) = source else {
      record?.set(gguf, .array(MetadataArray(bools: values)))
      return values
    }
    guard let array = try metadata.optionalArray(key(gguf)) else { return values }
    let flags = try array.bools()
    guard flags.count == count else { throw inconsistent("\(key(gguf)) has \(flags.count) of \(count) values") }
    return flags
  }

  // MARK: Errors

  func key(_ name: String) -> String {
    asked.insert([name])
    return "\(architecture).\(name)"
  }

  func shown(_ name: String?, _ gguf: String?) -> String {
    (isGGUF ? gguf.map { "\(architecture).\($0)" } : name.map { "config.json's \"\($0)\"" }) ?? "a size"
  }

  func inconsistent(_ what: String) -> ModelError {
    ModelError(
      .inconsistent, "\(checkpoint.path): \(what): the file is damaged, or made by a converter for something else")
  }

  private func missing(_ name: String?, _ gguf: String?) -> ModelError {
    ModelError(
      .inconsistent,
      "\(checkpoint.path): \(shown(name, gguf)) is missing: the file is incomplete, or made for another program")
  }
}
