import Jinja
import TesseraJSON

/// A model's chat template: Jinja source that turns a conversation into a prompt, as transformers runs it.
///
/// Templates are not trusted: see `TemplateLimits`.
public struct ChatTemplate: Sendable {
  let source: String
  let template: Template
  /// Finds the strings that the template's expressions contain.
  let literals: SpecialTokenMatcher

  /// Parses a template, such as the `tokenizer.chat_template` of a GGUF file.
  ///
  /// - Throws: `template`, with the line.
  package init(source: String, limits: TemplateLimits = .standard) throws(ChatError) {
    do { template = try Template(source: source, limits: limits) } catch { throw ChatError(error) }
    self.source = source
    let strings = ByteStrings(texts: template.stringLiterals)
    literals = SpecialTokenMatcher(
      ids: Array(strings.indices), texts: strings, attributes: strings.map { _ in .userDefined })
  }

  /// Parses what a model file gives as its template; nil where it has none, or one without text.
  ///
  /// - Throws: `template`, with the line.
  public init?(ofModel source: String?) throws(ChatError) {
    guard let source, !source.allSatisfy(\.isWhitespace) else { return nil }
    try self.init(source: source)
  }

  /// Renders a conversation, whose texts are put in as they are: tokenized with `parseSpecial`, a message could forge
  /// the model's markers. `Tokenizer.prompt(of:with:)` gives tokens that are safe.
  ///
  /// - Parameters:
  ///   - addGenerationPrompt: whether the prompt ends with the start of the model's answer.
  ///   - bosToken: the text of the token that begins a sequence; undefined in the template when nil.
  ///   - eosToken: the text of the token that ends one; likewise.
  ///   - variables: further variables for the template, such as `enable_thinking`.
  ///   - now: seconds since 1970 that `strftime_now` shows; nil for the system's clock.
  /// - Throws: `refused` where the template refuses the conversation; `template` otherwise.
  package func render(
    _ conversation: Conversation, addGenerationPrompt: Bool = true, bosToken: String?, eosToken: String?,
    variables: JSONObject = [:], now: Int? = nil
  ) throws(ChatError) -> String {
    do {
      return try render(
        messages: conversation.messages.map(\.value), tools: conversation.tools,
        addGenerationPrompt: addGenerationPrompt, bosToken: bosToken, eosToken: eosToken, variables: variables,
        now: now)
    } catch {
      throw ChatError(error)
    }
  }

  /// Renders messages that need not be those of a conversation.
  ///
  /// Some templates for tools go through the tools also where there are none, at which Python fails: where rendering
  /// fails without tools but does not with an empty list of them, they get that.
  func render(
    messages: [JSONValue], tools: [JSONValue]?, addGenerationPrompt: Bool, bosToken: String?, eosToken: String?,
    variables: JSONObject, now: Int?
  ) throws(TemplateError) -> String {
    var given: JSONObject = ["documents": nil]
    if let bosToken { given["bos_token"] = .string(bosToken) }
    if let eosToken { given["eos_token"] = .string(eosToken) }
    for (name, value) in variables.members { given[name] = value }
    given["messages"] = .array(messages)
    given["add_generation_prompt"] = .bool(addGenerationPrompt)
    given["tools"] = tools.map { .array($0) } ?? .null
    do {
      return try template.render(given, now: now)
    } catch {
      guard tools == nil, error.code == .operation else { throw error }
      given["tools"] = []
      guard let rendered = try? template.render(given, now: now) else { throw error }
      return rendered
    }
  }
}
