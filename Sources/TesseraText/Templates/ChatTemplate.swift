import TesseraJSON

/// A model's chat template: Jinja source that turns a conversation into a prompt.
///
/// Templates are interpreted as Hugging Face transformers runs them: Jinja 3.1's immutable sandbox with `trim_blocks`,
/// `lstrip_blocks`, loop controls, `raise_exception`, `strftime_now` and its own `tojson`
/// (<https://huggingface.co/docs/transformers/chat_templating_writing>). What is not interpreted is an error that names
/// it, never a different prompt. Templates are not trusted: see `TemplateLimits`.
public struct ChatTemplate: Sendable {
  private let syntax: TemplateSyntax
  private let limits: TemplateLimits

  /// Parses a template, such as the `tokenizer.chat_template` of a GGUF file.
  ///
  /// Throws `syntax`, `unsupported` or `limit`, with the line.
  public init(source: String, limits: TemplateLimits = .standard) throws(TemplateError) {
    guard source.utf8.count <= limits.sourceBytes else {
      throw TemplateError(.limit, line: 1, "the template is longer than \(limits.sourceBytes) bytes")
    }
    syntax = try Parser.parse(source)
    self.limits = limits
  }

  /// Renders a conversation.
  ///
  /// - Parameters:
  ///   - messages: the conversation's messages, each an object.
  ///   - tools: JSON schemas of the functions that the model may call; none when nil.
  ///   - addGenerationPrompt: whether the prompt ends with the start of the model's answer.
  ///   - bosToken: the text of the token that begins a sequence; undefined in the template when nil.
  ///   - eosToken: the text of the token that ends one; likewise.
  ///   - variables: further variables for the template, such as `enable_thinking`.
  ///   - now: seconds since 1970 that `strftime_now` shows; nil for the system's clock.
  /// - Throws: `raised` where the template refuses the conversation; `operation`, `unsupported` or `limit` otherwise.
  public func render(
    messages: [JSONValue], tools: [JSONValue]? = nil, addGenerationPrompt: Bool = true, bosToken: String?,
    eosToken: String?, variables: JSONObject = [:], now: Int? = nil
  ) throws(TemplateError) -> String {
    var given: [String: Value] = ["documents": .none]
    if let bosToken { given["bos_token"] = .string(bosToken) }
    if let eosToken { given["eos_token"] = .string(eosToken) }
    for (name, value) in variables.members { given[name] = try Value(value, level: 0) }
    given["messages"] = try Value(.array(messages), level: 0)
    given["tools"] = try tools.map { tools throws(TemplateError) in try Value(.array(tools), level: 0) } ?? Value.none
    given["add_generation_prompt"] = .bool(addGenerationPrompt)
    return try Interpreter(syntax, limits: limits, now: now).render(given)
  }

  /// Renders a conversation of messages; see `render(messages:tools:addGenerationPrompt:…)`.
  public func render(
    _ conversation: Conversation, addGenerationPrompt: Bool = true, bosToken: String?, eosToken: String?,
    variables: JSONObject = [:], now: Int? = nil
  ) throws(TemplateError) -> String {
    try render(
      messages: conversation.messages.map(\.value), tools: conversation.tools,
      addGenerationPrompt: addGenerationPrompt, bosToken: bosToken, eosToken: eosToken, variables: variables, now: now)
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
      let dictionary = Dictionary()
      for (key, member) in object.members { dictionary.set(key, to: try Value(member, level: level + 1)) }
      self = .dictionary(dictionary)
    }
  }
}
