/// Why a JSON text was refused, or a value in it is not the one that was asked for.
public struct JSONError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The kinds of failure.
  public enum Code: String, Sendable {
    /// The text is not JSON.
    case malformed
    /// The text is longer, deeper or of more values than the options allow.
    case tooLarge
    /// A key that is needed is absent or null.
    case missingKey
    /// A value has another type than the one asked for.
    case wrongType
  }

  /// Where in a text the error was found.
  public struct Position: Sendable, Equatable {
    /// Bytes before it.
    public let byte: Int
    /// The line, counted from 1.
    public let line: Int
  }

  /// The kind of failure.
  public let code: Code
  /// The file, or another name for the text's source; nil where it was not given.
  public let path: String?
  /// Where the text is wrong; nil for `missingKey` and `wrongType`.
  public let position: Position?
  /// The problem, without path and position.
  public let problem: String

  init(_ code: Code, path: String?, position: Position? = nil, _ problem: String) {
    self.code = code
    self.path = path
    self.position = position
    self.problem = problem
  }

  /// The problem with its position, without the path.
  public var message: String {
    guard let position else { return problem }
    return "the JSON text is wrong at byte \(position.byte) (line \(position.line)): \(problem)"
  }

  /// `path: message`, or the message alone.
  public var description: String { path.map { "\($0): \(message)" } ?? message }

  /// `name` in quotes, shortened and without control characters: names come from texts that are not trusted.
  package static func quoted(_ name: String) -> String {
    var shown = ""
    for (index, scalar) in name.unicodeScalars.enumerated() {
      if index == 120 { return "'\(shown)…'" }
      if scalar.properties.generalCategory == .control || (0x2028...0x202E).contains(scalar.value) {
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        shown.unicodeScalars.append(scalar)
      }
    }
    return "'\(shown)'"
  }
}
