import Tessera
import TesseraJSON
import TesseraText

extension RequestFields {
  /// The functions that the model may call, as chat templates read them; nil: none.
  ///
  /// - Parameter areFlat: whether a function's fields stand in the tool itself, as responses have them.
  /// - Throws: `APIError` for what are no functions, or a template that knows no tools.
  func tools(_ template: ChatTemplate?, _ choice: ToolChoice, areFlat: Bool = false) throws(APIError) -> [JSONValue]? {
    let list = try array("tools") ?? []
    var tools: [JSONValue] = []
    for (index, tool) in list.enumerated() {
      let place = "tools[\(index)]"
      guard let object = tool.objectValue else { throw wrongType(place, "an object", tool) }
      let fields = RequestFields(object, place: path(place) + ".")
      let function = try fields.functionFields(isFlat: areFlat)
      if let parameters = function.value("parameters"), parameters.objectValue == nil {
        throw function.wrongType("parameters", "a JSON schema", parameters)
      }
      let members = object.members.filter { $0.key != "type" && !$0.value.isNull }.map { ($0.key, $0.value) }
      tools.append(areFlat ? ["type": "function", "function": .object(JSONObject(members))] : tool)
    }
    guard !tools.isEmpty, choice != .none else { return Optional.none }
    if let template, AnswerFormat(template).calls == .none {
      throw .unsupported(path("tools"), "the model's chat template shows no way to call them.")
    }
    return tools
  }

  /// Which tools an answer calls.
  ///
  /// - Parameter isFlat: whether a function's name stands in the choice itself, as responses have it.
  func toolChoice(isFlat: Bool = false) throws(APIError) -> ToolChoice {
    guard let value = value("tool_choice") else { return .auto }
    switch value {
    case .string("auto"): return .auto
    case .string("none"): return .none
    case .string("required"): return .required
    case .object:
      guard let choice = try fields("tool_choice") else { return .auto }
      guard try choice.string("type") == "allowed_tools" else {
        return .function(try choice.functionFields(isFlat: isFlat).string("name") ?? "")
      }
      guard let allowed = try isFlat ? choice : choice.fields("allowed_tools") else {
        throw choice.missing("allowed_tools")
      }
      return try allowed.allowedTools(isFlat: isFlat)
    default:
      throw .invalid(
        path("tool_choice"),
        "'\(path("tool_choice"))' must be auto, none, required, a function by its name, or allowed_tools.")
    }
  }

  /// The functions that a choice narrows the tools to.
  private func allowedTools(isFlat: Bool) throws(APIError) -> ToolChoice {
    let mode = try string("mode") ?? "auto"
    guard ["auto", "required"].contains(mode) else {
      throw .invalid(path("mode"), "'\(path("mode"))' is '\(mode.prefix(100))': it must be auto or required.")
    }
    guard let list = try array("tools"), !list.isEmpty else { throw missing("tools") }
    var names: Set<String> = []
    for (index, tool) in list.enumerated() {
      guard let tool = tool.objectValue else { throw wrongType("tools[\(index)]", "an object", tool) }
      let function = try RequestFields(tool, place: path("tools[\(index)].")).functionFields(isFlat: isFlat)
      names.insert(try function.string("name") ?? "")
    }
    return .allowed(names, isRequired: mode == "required")
  }

  /// The fields of a function, which has a name: those in the tool itself, where it is flat.
  private func functionFields(isFlat: Bool) throws(APIError) -> RequestFields {
    guard try string("type") ?? "function" == "function" else {
      throw .unsupported(path("type"), "functions are called, nothing else.")
    }
    guard let function = try isFlat ? self : fields("function") else { throw missing("function") }
    guard try function.string("name")?.isEmpty == false else { throw function.missing("name") }
    return function
  }
}
