/// Why no value of a type could be generated.
public struct GuidedError: Error, CustomStringConvertible, Sendable {
  /// The kinds of failure.
  public enum Code: String, Sendable, Equatable, CaseIterable {
    /// The type's JSON schema cannot be derived.
    case underivable
    /// The answer was ended before the value was complete.
    case cutOff
    /// The type refuses a document of its schema.
    case undecodable
  }

  public let code: Code
  /// The fault, where it is, and what to do.
  public let message: String
  /// The answer as far as it came; nil where none was begun.
  public let text: String?
  /// How the answer ended, with its numbers; nil where none did.
  public let result: GenerationResult?
  public var description: String { message }

  init(_ code: Code, _ message: String, text: String? = nil, result: GenerationResult? = nil) {
    (self.code, self.message, self.text, self.result) = (code, message, text, result)
  }

  /// - Parameter path: where in the type.
  static func underivable(_ path: CodingPlace, _ problem: String) -> GuidedError {
    GuidedError(.underivable, "the JSON schema of \(path) cannot be derived: \(problem)")
  }
}
