/// Why an operator cannot be launched.
public struct OperatorError: Error, CustomStringConvertible, Sendable {
  public enum Code: Sendable, Equatable {
    /// No kernel file of that name is embedded.
    case missingKernel
    /// The shapes do not fit together, or not the kernel.
    case shape
    /// Work on memory that has no place yet.
    case unplaced
    /// A parameter is outside of its range.
    case parameter
  }

  public let code: Code
  /// The fault, where it is, and what to do.
  public let message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
