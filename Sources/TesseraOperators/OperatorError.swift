/// Why an operator cannot be launched.
public struct OperatorError: Error, CustomStringConvertible, Sendable {
  public enum Code: Sendable, Equatable {
    /// No kernel file of that name is embedded.
    case missingKernel
    /// The shapes do not fit together, or not the kernel.
    case shape
    /// A parameter is outside of its range.
    case parameter
    /// The weight format has no kernel.
    case unsupportedFormat
    /// A `StepProgram` cannot hold the work: it has to go to a queue.
    case unrecordable
  }

  public let code: Code
  /// What is wrong, where, and what to do.
  public let message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
