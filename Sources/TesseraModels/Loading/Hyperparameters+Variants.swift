import Synchronization
import TesseraFiles
import TesseraJSON

/// The keys of a GGUF file's architecture that a family has asked for.
final class AskedKeys: Sendable {
  private let names = Mutex<Set<String>>([])

  func insert(_ new: some Sequence<String>) { names.withLock { $0.formUnion(new) } }
  func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }
}

/// Refusals of what a file asks for and no code computes: a model would run, and say something else.
extension Hyperparameters {
  /// Keys of any architecture that change nothing in what a model computes.
  private static let harmlessKeys: Set<String> = [
    "vocab_size", "pooling_type", "tensor_data_layout", "rope.scaling.finetuned", "classifier.output_labels",
  ]

  /// Keys that may be there and are not read.
  func ignore(_ keys: [String]) { asked.insert(keys) }

  /// Keys of a GGUF file's architecture that the family has not asked for.
  var unused: [String] {
    guard case .gguf(let metadata) = source else { return [] }
    return metadata.keys.filter { key in
      guard key.hasPrefix("\(architecture).") else { return false }
      let name = String(key.dropFirst(architecture.count + 1))
      return !asked.contains(name) && !Self.harmlessKeys.contains(name)
    }
  }

  /// Throws if a GGUF file has a key of its architecture that the family has not asked for.
  func checkAllUsed() throws {
    guard let key = unused.first else { return }
    throw ModelError(
      .unsupportedFeature,
      "\(checkpoint.path): the metadata key \(key) belongs to a variant of the architecture that is not supported: "
        + "use another model")
  }

  /// Throws if a switch is set to what the family does not compute.
  ///
  /// - Parameter allowed: what it may be; absent, or null, is always fine.
  func require(_ name: String?, gguf: String? = nil, _ allowed: JSONValue...) throws {
    guard let value = value(name, gguf: gguf), !value.isNull else { return }
    let fits = allowed.contains { $0 == value || ($0.doubleValue != nil && $0.doubleValue == value.doubleValue) }
    guard !fits else { return }
    throw ModelError(
      .unsupportedFeature,
      "\(checkpoint.path): \(shown(name, gguf)) is \(Self.text(value)), and only "
        + "\(allowed.map(Self.text).joined(separator: " or ")) is supported: use another model")
  }

  private func value(_ name: String?, gguf: String?) -> JSONValue? {
    switch source {
    case .gguf(let metadata):
      guard let gguf, let value = metadata[key(gguf)] else { return Optional.none }
      return Self.value(value)
    case .huggingFace(let config):
      guard let name else { return Optional.none }
      return config[name]
    }
  }

  private static func value(_ value: MetadataValue) -> JSONValue {
    if case .bool(let flag) = value { return .bool(flag) }
    if case .string(let text) = value { return .string(text) }
    if let int = value.intValue { return .int(int) }
    if case .float32(let number) = value { return .double(Double(number)) }
    if case .float64(let number) = value { return .double(number) }
    return .array([])
  }

  private static func text(_ value: JSONValue) -> String {
    switch value {
    case .bool(let flag): "\(flag)"
    case .int(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text): "\"\(text)\""
    case .null, .array, .object: value.kind
    }
  }
}
