import Tessera
import TesseraJSON
import TesseraText

extension RequestFields {
  /// The functions that the model may call, as chat templates read them; nil: none.
  ///
  /// - Throws: `APIError` for what are no functions, or a template that knows no tools.
  func tools(_ template: ChatTemplate?, _ choice: ToolChoice) throws(APIError) -> [JSONValue]? {
    let list = try array("tools") ?? []
    for (index, tool) in list.enumerated() {
      let place = "tools[\(index)]"
      guard let object = tool.objectValue else { throw wrongType(place, "an object", tool) }
      let fields = RequestFields(object, place: path(place) + ".")
      guard try fields.string("type") ?? "function" == "function" else {
        throw .unsupported(fields.path("type"), "functions are called, nothing else.")
      }
      guard let function = try fields.fields("function") else { throw fields.missing("function") }
      guard try function.string("name")?.isEmpty == false else { throw function.missing("name") }
      if let parameters = function.value("parameters"), parameters.objectValue == nil {
        throw function.wrongType("parameters", "a JSON schema", parameters)
      }
    }
    guard !list.isEmpty, choice != .none else { return Optional.none }
    if let template, AnswerFormat(template).calls == .none {
      throw .unsupported(path("tools"), "the model's chat template shows no way to call them.")
    }
    return list
  }

  /// Which tools an answer calls.
  func toolChoice() throws(APIError) -> ToolChoice {
    guard let value = value("tool_choice") else { return .auto }
    switch value {
    case .string("auto"): return .auto
    case .string("none"): return .none
    case .string("required"): return .required
    case .object:
      guard let choice = try fields("tool_choice") else { return .auto }
      guard try choice.string("type") == "function" else {
        throw .unsupported(choice.path("type"), "functions are called, nothing else.")
      }
      guard let function = try choice.fields("function") else { throw choice.missing("function") }
      guard let name = try function.string("name") else { throw function.missing("name") }
      return .function(name)
    default:
      throw .invalid(
        path("tool_choice"), "'\(path("tool_choice"))' must be auto, none, required, or a function by its name.")
    }
  }
}
