/// How a model writes what is not content: found in its chat template, never by its name.
package struct AnswerFormat: Sendable, Equatable {
  /// The ways to call tools.
  package enum Calls: Sendable, Equatable {
    case none
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`
    /// (https://github.com/NousResearch/Hermes-Function-Calling, Qwen 2.5 and 3).
    case tagged
    /// `{"name": …, "parameters": …}` as the whole answer, perhaps behind `<|python_tag|>`
    /// (https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/).
    case bare
    /// `[TOOL_CALLS][{"name": …, "arguments": …}]`, or `[TOOL_CALLS]name[ARGS]{…}`
    /// (https://github.com/mistralai/mistral-common).
    case listed
    /// Messages in channels (https://github.com/openai/harmony).
    case channels
  }

  package var calls: Calls
  /// Whether the answer may begin with `<think>…</think>`.
  package var thinks: Bool

  /// What a template's text shows.
  init(_ template: ChatTemplate) {
    let source = template.source
    func has(_ texts: String...) -> Bool { texts.allSatisfy { source.contains($0) } }
    calls =
      switch true {
      case has("<|channel|>", "<|message|>"): .channels
      case has("<tool_call>"): .tagged
      case has("[TOOL_CALLS]"): .listed
      case has("<|python_tag|>"), has("ipython", "\"parameters\""): .bare
      default: .none
      }
    thinks = calls != .channels && has("<think>")
  }

  /// The texts of control tokens that steer the parser.
  static let markers = [
    "<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>",
    "<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|call|>", "<|return|>", "<|constrain|>",
  ]
}
