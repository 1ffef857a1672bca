import Tessera
import TesseraJSON
import TesseraText

/// Which tools an answer calls.
enum ToolChoice: Sendable, Equatable {
  /// The model decides.
  case auto
  case none
  /// One or more.
  case required
  case function(String)

  /// The constraint that sees to it that an answer is a call, in the way of a template; nil: there is nothing to see to.
  ///
  /// - Parameters:
  ///   - tools: as chat templates read them; nil: there are none.
  ///   - param: the field that asks for it.
  /// - Throws: `APIError` for a function that there is not, or a way to call that cannot be guaranteed.
  func constraint(
    _ tools: [JSONValue]?, _ template: ChatTemplate?, _ tokenizer: Tokenizer?, param: String
  ) throws(APIError) -> TokenConstraint? {
    if self == .auto || self == .none { return nil }
    guard let tools, let template, let tokenizer else {
      throw .invalid(param, "'\(param)' asks for a call: give 'tools'.")
    }
    var functions = tools.compactMap { $0.objectValue?["function"]?.objectValue }
    if case .function(let name) = self {
      functions.removeAll { $0["name"]?.stringValue != name }
      if functions.isEmpty {
        throw .invalid(param, "'\(param)' asks for '\(name.prefix(100))', which 'tools' has not.")
      }
    }
    guard let form = CallForm(template, tokenizer) else {
      throw .unsupported(
        param, "how this model's template calls tools cannot be guaranteed: auto and none are possible.")
    }
    do throws(GrammarError) {
      return try .triggered(
        form.trigger, isControlToken: form.isControlToken, calls: functions.map { form.call($0) }, isRequired: true)
    } catch {
      throw .invalid("tools", "'tools' cannot be guaranteed: \(error.message)", code: "invalid_json_schema")
    }
  }
}

/// How a template writes a call: a trigger, a text, the arguments, a text.
private struct CallForm {
  let trigger: String
  let isControlToken: Bool
  private let key: String
  private let opening: String
  private let closing: String

  /// Nil for channels and other ways whose control tokens stand within calls.
  init?(_ template: ChatTemplate, _ tokenizer: Tokenizer) {
    switch AnswerFormat(template).calls {
    case .tagged:
      guard !tokenizer.isControlTokenInGrammars("</tool_call>") else { return nil }
      (trigger, opening, key, closing) = ("<tool_call>", "\n{\"name\": ", "arguments", "}\n</tool_call>")
    case .bare: (trigger, opening, key, closing) = ("{\"name\": ", "", "parameters", "}")
    case .listed:
      guard tokenizer.token(named: "[ARGS]") == nil else { return nil }
      (trigger, opening, key, closing) = ("[TOOL_CALLS]", "[{\"name\": ", "arguments", "}]")
    case .channels, .none: return nil
    }
    isControlToken = tokenizer.isControlTokenInGrammars(trigger)
  }

  /// - Parameter function: its name, and the schema of its arguments.
  func call(_ function: JSONObject) -> (opening: String, schema: String, closing: String) {
    let (name, schema) = (function["name"] ?? "", function["parameters"] ?? ["type": "object"])
    return (opening + "\(name.text()), \"\(key)\": ", schema.text(), closing)
  }
}
