import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

/// What the fixture script wrote; see Tests/Fixtures-scripts/make_template_fixtures.py.
enum TemplateFixtures {
  static func bytes(_ name: String) throws -> [UInt8] {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/templates/\(name)", withExtension: nil))
    return [UInt8](try Data(contentsOf: url))
  }

  static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  static func objects(_ name: String) throws -> [JSONObject] {
    let list = try #require(try JSONValue(parsing: try bytes(name)).arrayValue)
    return try list.map { try #require($0.objectValue) }
  }

  static func object(_ name: String) throws -> JSONObject {
    try #require(try JSONValue(parsing: try bytes(name)).objectValue)
  }

  static let templates = [
    "chatml", "deepseek-r1", "gemma-2", "gemma-3", "llama-2", "llama-3", "llama-3.2", "macros", "mistral-nemo",
    "mistral-v1", "mistral-v3", "phi-3", "qwen2.5", "qwen3", "smollm2", "zephyr",
  ]
}

/// How a template ended, in the fixtures' words.
enum Outcome: Equatable, CustomStringConvertible {
  case output(String)
  case raised(String)
  case error

  init(expected: JSONObject) throws {
    if let output = expected["output"]?.stringValue {
      self = .output(output)
    } else if let message = expected["raised"]?.stringValue {
      self = .raised(message)
    } else {
      _ = try #require(expected["error"])
      self = .error
    }
  }

  init(_ render: () throws(TemplateError) -> String) {
    do throws(TemplateError) {
      self = .output(try render())
    } catch {
      self = error.code == .raised ? .raised(error.message) : .error
    }
  }

  static func == (left: Outcome, right: Outcome) -> Bool {
    switch (left, right) {
    case (.output(let a), .output(let b)), (.raised(let a), .raised(let b)): a.utf8.elementsEqual(b.utf8)
    case (.error, .error): true
    default: false
    }
  }

  var description: String {
    switch self {
    case .output(let text): "output \(text.debugDescription)"
    case .raised(let message): "raised \(message.debugDescription)"
    case .error: "error"
    }
  }
}
