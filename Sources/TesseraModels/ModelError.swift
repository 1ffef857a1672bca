/// Reasons why a model cannot be run.
public struct ModelError: Error, CustomStringConvertible, Sendable {
  public enum Code: Sendable, Equatable {
    /// No family of that architecture is known.
    case unsupportedArchitecture
    /// A tensor's type, or a feature that the metadata asks for, is not supported.
    case unsupportedFeature
    /// Metadata or tensors contradict each other.
    case inconsistent
    /// A batch asks for something that the model cannot do.
    case badBatch
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
