import TesseraJSON

/// A Jinja template, parsed and ready to be rendered.
///
/// Templates are interpreted as Hugging Face transformers runs them: Jinja 3.1's immutable sandbox with `trim_blocks`,
/// `lstrip_blocks`, loop controls, `raise_exception`, `strftime_now` and its own `tojson`
/// (<https://huggingface.co/docs/transformers/chat_templating_writing>). What is not interpreted is an error that names
/// it, never a different text. Templates are not trusted: see `TemplateLimits`.
package struct Template: Sendable {
  private let syntax: TemplateSyntax
  private let limits: TemplateLimits

  /// Parses a template's source.
  ///
  /// - Throws: `syntax`, `unsupported` or `limit`, with the line.
  package init(source: String, limits: TemplateLimits = .standard) throws(TemplateError) {
    guard source.utf8.count <= limits.sourceBytes else {
      throw TemplateError(.limit, line: 1, "the template is longer than \(limits.sourceBytes) bytes")
    }
    syntax = try Parser.parse(source)
    self.limits = limits
  }

  /// The strings that the template's expressions contain, such as those that it compares values with.
  package var stringLiterals: Set<String> { syntax.stringLiterals }

  /// Renders the template.
  ///
  /// - Parameters:
  ///   - variables: the names that the template can read; all others are undefined.
  ///   - now: seconds since 1970 that `strftime_now` shows; nil for the system's clock.
  /// - Throws: `raised` where the template calls `raise_exception`; `operation`, `unsupported` or `limit` otherwise.
  package func render(_ variables: JSONObject, now: Int? = nil) throws(TemplateError) -> String {
    var values: [String: Value] = [:]
    for (name, value) in variables.members { values[name] = try Value(value, level: 0) }
    return try Interpreter(syntax, limits: limits, now: now).render(values)
  }
}

extension Value {
  /// A template's form of a JSON value.
  init(_ value: JSONValue, level: Int) throws(TemplateError) {
    guard level < TemplateLimits.valueDepth - 4 else {
      throw TemplateError(.limit, line: 1, "a value given to the template is nested too deeply")
    }
    switch value {
    case .null: self = .none
    case .bool(let flag): self = .bool(flag)
    case .int(let number): self = .int(number)
    case .double(let number): self = .float(number)
    case .string(let text): self = .string(text)
    case .array(let elements):
      var items: [Value] = []
      items.reserveCapacity(elements.count)
      for element in elements { items.append(try Value(element, level: level + 1)) }
      self = .list(ValueList(items))
    case .object(let object):
      let dictionary = DictionaryValue()
      for (key, member) in object.members { dictionary.set(key, to: try Value(member, level: level + 1)) }
      self = .dictionary(dictionary)
    }
  }
}
