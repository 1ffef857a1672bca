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
  /// The model decides, or calls one or more, but of these functions alone; the prompt tells it all of them.
  case allowed(Set<String>, isRequired: Bool)

  /// Whether an answer is one or more calls and nothing else.
  var isRequired: Bool {
    switch self {
    case .auto, .none, .allowed(_, isRequired: false): false
    case .required, .function, .allowed(_, isRequired: true): true
    }
  }

  /// The names of the functions that may be called; nil: of all.
  private var names: Set<String>? {
    switch self {
    case .auto, .none, .required: nil
    case .function(let name): [name]
    case .allowed(let names, _): names
    }
  }

  /// The calls that an answer is held to; nil: the model may write what it likes.
  ///
  /// - Parameters:
  ///   - tools: as chat templates read them; nil: there are none.
  ///   - callsOnce: whether one call is wanted at most.
  /// - Throws: `APIError` for a function that there is not, or a way to call that cannot be guaranteed.
  func calls(
    _ tools: [JSONValue]?, _ template: ChatTemplate?, _ tokenizer: Tokenizer?, _ fields: RequestFields, callsOnce: Bool
  ) throws(APIError) -> CallForm? {
    let param = fields.path("tool_choice")
    if self == .none { return nil }
    guard let tools, let template, let tokenizer else {
      if self == .auto { return nil }
      throw .invalid(param, "'\(param)' asks for a call: give 'tools'.")
    }
    var functions = tools.compactMap { $0.objectValue?["function"]?.objectValue }
    if let names {
      if let name = names.subtracting(functions.compactMap { $0["name"]?.stringValue }).min() {
        throw .invalid(param, "'\(param)' asks for '\(name.prefix(100))', which 'tools' has not.")
      }
      functions.removeAll { !names.contains($0["name"]?.stringValue ?? "") }
    }
    let strict = functions.map { $0["strict"]?.boolValue ?? false }
    if self == .auto, !strict.contains(true) { return nil }
    guard let way = CallWay(template, tokenizer) else {
      throw .unsupported(
        self == .auto ? "tools" : param,
        "how this model's template calls tools cannot be guaranteed: leave out strict, and choose auto or none.")
    }
    var form = CallForm(trigger: way.trigger, isControlToken: way.isControlToken, isRequired: isRequired)
    if case .function = self { form.mostCalls = 1 } else if callsOnce { form.mostCalls = 1 }
    form.calls = zip(functions, strict).map { function, isStrict in
      // Where the model chooses, only what is strict is held to its schema.
      let schema = RequestFields(function).value("parameters")
      return way.call(function["name"] ?? "", isRequired || isStrict ? schema : nil)
    }
    return form
  }
}

/// What the calls of an answer must be.
struct CallForm: Sendable, Equatable {
  /// Of one function the text behind the trigger, the schema of the arguments, and the text behind these.
  struct Call: Sendable, Equatable {
    var opening, schema, closing: String
  }

  var trigger: String
  var isControlToken: Bool
  /// Whether the answer is calls and nothing else.
  var isRequired: Bool
  /// Nil: any number.
  var mostCalls: Int?
  var calls: [Call] = []

  func constraint() throws(GrammarError) -> TokenConstraint {
    try .triggered(
      trigger, isControlToken: isControlToken, calls: calls.map { ($0.opening, $0.schema, $0.closing) },
      isRequired: isRequired, mostCalls: mostCalls)
  }
}

/// How a template writes a call: a trigger, a text, the arguments, a text.
private struct CallWay {
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

  /// - Parameter schema: of the arguments; nil: any object.
  func call(_ name: JSONValue, _ schema: JSONValue?) -> CallForm.Call {
    .init(
      opening: opening + "\(name.text()), \"\(key)\": ", schema: (schema ?? ["type": "object"]).text(),
      closing: closing)
  }
}
