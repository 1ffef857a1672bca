import Foundation
import TesseraJSON

/// How a template ended, in the words of the fixtures.
package enum TemplateOutcome: Equatable, CustomStringConvertible {
  case output(String)
  case raised(String)
  case error

  /// The outcome that a fixture expects; nil where it tells none.
  package init?(expected: JSONObject) {
    if let output = expected["output"]?.stringValue {
      self = .output(output)
    } else if let message = expected["raised"]?.stringValue {
      self = .raised(message)
    } else if expected["error"] != nil {
      self = .error
    } else {
      return nil
    }
  }

  package static func == (left: TemplateOutcome, right: TemplateOutcome) -> Bool {
    switch (left, right) {
    case (.output(let a), .output(let b)), (.raised(let a), .raised(let b)): a.utf8.elementsEqual(b.utf8)
    case (.error, .error): true
    default: false
    }
  }

  package var description: String {
    switch self {
    case .output(let text): "output \(text.debugDescription)"
    case .raised(let message): "raised \(message.debugDescription)"
    case .error: "error"
    }
  }
}

/// Fixtures of a test target.
extension Bundle {
  /// The bytes of a file under `Fixtures/`.
  package func fixture(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: bundleURL.appending(path: "Fixtures/" + name)))
  }

  /// The objects of a JSON file under `Fixtures/` that holds a list of them.
  package func objects(_ name: String) throws -> [JSONObject] {
    try JSONValue(parsing: try fixture(name), path: name).arrayValue?.compactMap(\.objectValue) ?? []
  }

  /// The object in a JSON file under `Fixtures/`.
  package func object(_ name: String) throws -> JSONObject {
    try JSONFields(of: try JSONValue(parsing: try fixture(name), path: name), path: name).object
  }
}
