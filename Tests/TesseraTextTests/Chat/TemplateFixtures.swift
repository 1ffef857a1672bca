import Foundation
import TesseraJSON
import TestSupport
import Testing

/// What the fixture script wrote; see Tests/Fixtures-scripts/make_template_fixtures.py.
enum TemplateFixtures {
  static func text(_ name: String) throws -> String {
    String(decoding: try Bundle.module.fixture("templates/\(name)"), as: UTF8.self)
  }

  static func conversations() throws -> JSONObject { try Bundle.module.object("templates/conversations.json") }

  static func rendered(_ template: String) throws -> [JSONObject] {
    try Bundle.module.objects("templates/rendered.json").filter { $0["template"] == .string(template) }
  }

  static let templates = [
    "chatml", "command-r-plus", "deepseek-r1", "gemma-2", "gemma-3", "gpt-oss", "hermes-tool-use", "llama-2", "llama-3",
    "llama-3.2", "macros", "mistral-nemo", "mistral-v1", "mistral-v3", "phi-3", "qwen2.5", "qwen3", "smollm2", "zephyr",
  ]
}
