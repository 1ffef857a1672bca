import Tessera
import TesseraJSON
import TesseraText

/// What chats and responses have in common: a conversation, the tools that its answer may call, and what that must be.
struct ConversationRequest: Sendable {
  /// How an interface names what a conversation consists of.
  struct Names: Sendable {
    /// The field of the messages.
    var messages: String
    /// The field that says what an answer's text must be.
    var format: String
    /// Whether a function's fields stand in the tool itself.
    var toolsAreFlat: Bool
  }

  let prompt: ChatPrompt
  /// Takes an answer apart: nothing was given to it yet.
  let parser: AnswerParser
  /// Whether an answer calls one tool at most.
  let callsOnce: Bool
  /// Whether an answer is calls and nothing else.
  let callsAlone: Bool
  /// What the answer must be.
  let constraint: TokenConstraint?

  /// - Parameters:
  ///   - form: what an answer's text must be, and the field that says so.
  ///   - variables: for the chat template.
  init(
    _ messages: [ChatMessage], form: (form: AnswerForm, param: String)?, variables: JSONObject, _ fields: RequestFields,
    _ names: Names, _ language: LanguageModel, _ api: API
  ) async throws {
    let template = try? language.chatTemplate
    let tokenizer = try? language.tokenizer
    let choice = try fields.toolChoice(isFlat: names.toolsAreFlat)
    let tools = try fields.tools(template, choice, areFlat: names.toolsAreFlat)
    callsOnce = try fields.bool("parallel_tool_calls") == false
    var form = form
    // A grammar of one's own may be one of calls.
    if let form, tools != nil, choice != .auto || form.param == fields.path(names.format) {
      throw APIError.invalid(
        form.param, "'\(form.param)' and 'tools' both say what answers are: give one, or tool_choice none.")
    }
    if form == nil, let calls = try choice.calls(tools, template, tokenizer, fields, callsOnce: callsOnce) {
      form = (.calls(calls), "tools")
    }
    if case .calls(let calls)? = form?.form { callsAlone = calls.isRequired } else { callsAlone = false }
    let constraint = try await api.constraint(form)
    prompt = try await api.prompt(
      of: Conversation(messages: messages, tools: tools), language, variables: variables, param: names.messages)
    parser = AnswerParser(template, tokenizer: tokenizer, prompt: prompt.text, hasTools: tools != nil)
    guard parser.isThinking, let constraint else {
      self.constraint = constraint
      return
    }
    let isControl = tokenizer?.isControlTokenInGrammars("</think>") ?? false
    do { self.constraint = try constraint.behindThought("</think>", isControlToken: isControl) } catch {
      throw APIError.of(error, param: form?.param ?? "tools")
    }
  }
}
