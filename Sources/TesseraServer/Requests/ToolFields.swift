import Tessera
import TesseraJSON
import TesseraText

extension RequestFields {
  /// The functions that the model may call, as chat templates read them; nil: none.
  ///
  /// - Throws: `APIError` for a choice that cannot be guaranteed, or a template that knows no tools.
  func tools(_ template: ChatTemplate?) throws(APIError) -> [JSONValue]? {
    let list = try array("tools") ?? []
    let choice = try toolChoice()
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
    guard !list.isEmpty, choice != "none" else { return Optional.none }
    if let template, AnswerFormat(template).calls == .none {
      throw .unsupported(path("tools"), "the model's chat template shows no way to call them.")
    }
    return list
  }

  private func toolChoice() throws(APIError) -> String {
    guard let value = value("tool_choice") else { return "auto" }
    guard let text = value.stringValue, ["auto", "none"].contains(text) else {
      throw .unsupported(path("tool_choice"), "the model chooses: auto and none are possible.")
    }
    return text
  }
}
