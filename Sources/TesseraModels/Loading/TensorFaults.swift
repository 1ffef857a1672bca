import TesseraFiles

/// Tensors of a checkpoint that are not what a family declares.
struct TensorFaults: Sendable {
  /// Tensors that are not there.
  private(set) var missing: [String] = []
  /// Those of another shape, with both.
  private(set) var misshapen: [String] = []
  /// Those of types that no kernel reads, by the type.
  private(set) var types: [String: [String]] = [:]
  /// All of them.
  private(set) var names: Set<String> = []

  /// Faults that are looked for: a configuration of another model's sizes would have millions.
  static let limit = 1000

  /// Notes that there is no such tensor, or one that does not fit.
  mutating func note(_ name: String, in checkpoint: any Checkpoint, expected: [Int]) throws {
    guard try insert(name) else { return }
    if let tensor = checkpoint.tensor(named: name) {
      misshapen.append("\(name) (\(tensor.shape) instead of \(expected))")
    } else if let type = checkpoint.unreadableTensors[name] {
      types[type, default: []].append(name)
    } else {
      missing.append(name)
    }
  }

  mutating func note(_ tensor: StoredTensor, isType type: String) throws {
    if try insert(tensor.name) { types[type, default: []].append(tensor.name) }
  }

  private mutating func insert(_ name: String) throws -> Bool {
    guard names.insert(name).inserted else { return false }
    guard names.count <= Self.limit else { throw TooMany() }
    return true
  }

  /// More than `limit` faults.
  struct TooMany: Error {}
}
