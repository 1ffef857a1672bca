import TesseraCL

/// Why memory was refused: what was asked for, what there is, and what to do.
public struct MemoryError: Error, CustomStringConvertible, Sendable {
  /// The kind of refusal.
  public enum Code: Sendable, Equatable {
    /// The request and what is in use exceed the heap's budget.
    case overBudget
    /// One buffer would exceed what the device allows for a single allocation.
    case overMaxAllocation
    /// A size, count or name that no allocation can have.
    case invalidRequest
    /// The KV cache has no free block left.
    case outOfBlocks
    /// A KV sequence cannot be cut, because keys were given back that its window would need: compute it anew.
    case windowLost
    /// A KV sequence was used after it was closed, or a block id that is not in use was named.
    case invalidSequence
    /// The device itself refused; `underlying` says how.
    case device
  }

  /// The kind of refusal.
  public let code: Code
  /// The fault, with every number, and the remedy.
  public let message: String
  /// The OpenCL error behind a `.device` refusal.
  public let underlying: CLError?

  /// The message, for printing.
  public var description: String { message }

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
    underlying = nil
  }

  init(_ error: CLError, while what: String) {
    code = .device
    message = "\(what): \(error.description)"
    underlying = error
  }
}

/// `bytes` for people: the exact number, and GiB, MiB or KiB where that is shorter.
func formatted(bytes: Int) -> String {
  let units: [(size: Int, name: String)] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
  guard let unit = units.first(where: { bytes >= $0.size }) else { return "\(bytes) bytes" }
  let tenths = (Double(bytes) / Double(unit.size) * 10).rounded() / 10
  return "\(tenths) \(unit.name) (\(bytes) bytes)"
}
