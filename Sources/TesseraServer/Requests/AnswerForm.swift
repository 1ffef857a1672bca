import Tessera
import TesseraJSON

/// What an answer's text must be, as a request asks for it.
enum AnswerForm: Sendable, Equatable {
  case object
  case schema(JSONValue)
  case regex(String)
  case grammar(String)
  case choice([String])
  /// Calls of tools.
  case calls(CallForm)

  /// The constraint that sees to it; what is large takes a while.
  func constraint() throws(GrammarError) -> TokenConstraint {
    switch self {
    case .object: return try .json()
    case .schema(.string(let text)): return try .jsonSchema(text)
    case .schema(let schema): return try .jsonSchema(schema)
    case .regex(let pattern): return try .regex(pattern)
    case .grammar(let text): return try .gbnf(text)
    case .calls(let calls): return try calls.constraint()
    case .choice(let texts): return try .gbnf("root ::= " + texts.map(Self.literal).joined(separator: " | "))
    }
  }

  /// A text as a grammar writes it.
  private static func literal(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "\"") { result, scalar in
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default: result.unicodeScalars.append(scalar)
      }
    } + "\""
  }
}

extension RequestFields {
  /// The form that answers must have, by whichever of its names: OpenAI's `response_format`, llama-server's `json_schema` and
  /// `grammar`, vLLM's `guided_…` and `structured_outputs`; nil: any text.
  ///
  /// - Parameter other: a form by another name.
  /// - Returns: also the field that asks for it.
  func answerForm(or other: (form: AnswerForm, param: String)? = nil) throws(APIError) -> (
    form: AnswerForm, param: String
  )? {
    var forms = other.map { [$0] } ?? []
    if let format = try fields("response_format"), let form = try format.format() {
      forms.append((form, path("response_format")))
    }
    if let schema = try schema("json_schema") { forms.append((.schema(schema), path("json_schema"))) }
    if let text = try string("grammar") { forms.append((.grammar(text), path("grammar"))) }
    forms += try guided("guided_json", "guided_regex", "guided_choice", "guided_grammar")
    if let structured = try fields("structured_outputs") {
      forms += try structured.guided("json", "regex", "choice", "grammar")
      if try structured.bool("json_object") ?? false { forms.append((.object, structured.path("json_object"))) }
      let known: Set = ["json", "regex", "choice", "grammar", "json_object"]
      for (key, _) in structured.object.members where structured.has(key) && !known.contains(key) {
        throw .unsupported(structured.path(key), "use json, regex, choice, grammar or json_object.")
      }
    }
    guard forms.count < 2 else {
      throw .invalid(
        forms[1].param, "'\(forms[0].param)' and '\(forms[1].param)' both say what answers must be: give one of them.")
    }
    return forms.first
  }

  private func guided(_ json: String, _ regex: String, _ choice: String, _ grammar: String) throws(APIError)
    -> [(form: AnswerForm, param: String)]
  {
    var forms: [(form: AnswerForm, param: String)] = []
    if let schema = try schema(json) { forms.append((.schema(schema), path(json))) }
    if let pattern = try string(regex) { forms.append((.regex(pattern), path(regex))) }
    if has(choice), let texts = try strings(choice) {
      guard !texts.isEmpty else { throw .invalid(path(choice), "'\(path(choice))' is empty: give a choice.") }
      forms.append((.choice(texts), path(choice)))
    }
    if let text = try string(grammar) { forms.append((.grammar(text), path(grammar))) }
    return forms
  }

  /// A schema, or the text of one.
  private func schema(_ key: String) throws(APIError) -> JSONValue? {
    guard let value = value(key) else { return Optional.none }
    switch value {
    case .object, .bool, .string: return value
    default: throw wrongType(key, "a JSON schema", value)
    }
  }

  /// The form of a `response_format`, or of a response's `text.format`; nil: any text.
  func format() throws(APIError) -> AnswerForm? {
    guard let type = try string("type") else { throw missing("type") }
    switch type {
    case "text": return Optional.none
    case "json_object": return try schema("schema").map { .schema($0) } ?? .object
    case "json_schema":
      // A response has the schema beside its type.
      let place = try fields("json_schema") ?? self
      guard let schema = try place.schema("schema") else { throw place.missing("schema") }
      return .schema(schema)
    default:
      throw .invalid(
        path("type"), "'\(path("type"))' is '\(type.prefix(100))': it must be text, json_object or json_schema.")
    }
  }
}

extension API {
  /// The constraint that a form asks for.
  ///
  /// - Throws: 400 that says why a schema, an expression or a grammar cannot be served.
  func constraint(_ asked: (form: AnswerForm, param: String)?) async throws -> TokenConstraint? {
    guard let asked else { return nil }
    do { return try await constraints.constraint(asked.form) } catch let error as GrammarError {
      throw APIError.invalid(
        asked.param, "'\(asked.param)' cannot be served: \(error.message)", code: "invalid_\(asked.form.name)")
    }
  }
}

extension AnswerForm {
  fileprivate var name: String {
    switch self {
    case .object, .schema, .calls: "json_schema"
    case .regex: "regex"
    case .grammar, .choice: "grammar"
    }
  }
}
