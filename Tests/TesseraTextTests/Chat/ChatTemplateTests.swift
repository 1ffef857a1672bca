import TesseraJSON
import Testing

@testable import TesseraText

/// The template in SmolLM2-135M-Instruct's GGUF metadata.
private let chatML = """
  {% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
  You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
  ' }}{% endif %}{{'<|im_start|>' + message['role'] + '
  ' + message['content'] + '<|im_end|>' + '
  '}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
  ' }}{% endif %}
  """

@Suite("Chat templates")
struct ChatTemplateTests {
  @Test("SmolLM2's template adds its system message and starts the answer")
  func smolLM2() throws {
    let template = try ChatTemplate(source: chatML)
    let conversation = Conversation(messages: [ChatMessage(role: "user", content: "What is gravity?")])
    let prompt = try template.render(conversation, bosToken: "<|im_start|>", eosToken: "<|im_end|>")
    #expect(
      prompt == """
        <|im_start|>system
        You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
        <|im_start|>user
        What is gravity?<|im_end|>
        <|im_start|>assistant

        """)
  }

  @Test("the prompt can end with the conversation instead of the start of an answer")
  func withoutGenerationPrompt() throws {
    let template = try ChatTemplate(source: chatML)
    let conversation = Conversation(messages: [ChatMessage(role: "system", content: "x")])
    let prompt = try template.render(conversation, addGenerationPrompt: false, bosToken: nil, eosToken: nil)
    #expect(prompt == "<|im_start|>system\nx<|im_end|>\n")
  }

  @Test("tokens that the model lacks are undefined, tools that are not given are none")
  func defaults() throws {
    let source = "{{ bos_token is defined }} {{ eos_token }} {{ tools is none }} {{ documents is none }} {{ thinking }}"
    let template = try ChatTemplate(source: source)
    let prompt = try template.render(
      Conversation(messages: []), bosToken: nil, eosToken: "</s>", variables: ["thinking": false])
    #expect(prompt == "False </s> True True False")
  }

  @Test("a model's template without text is none")
  func empty() throws {
    #expect(try ChatTemplate(ofModel: nil) == nil)
    #expect(try ChatTemplate(ofModel: "") == nil)
    #expect(try ChatTemplate(ofModel: " \n") == nil)
    #expect(try ChatTemplate(ofModel: "x")?.render(Conversation(messages: []), bosToken: nil, eosToken: nil) == "x")
    let error = #expect(throws: ChatError.self) { try ChatTemplate(ofModel: "\n{% if %}") }
    #expect(error?.code == .template(.syntax))
    #expect(error?.description.hasPrefix("chat template, line 2: ") == true)
  }

  @Test("a refusal is told apart and keeps the template's words")
  func refusal() throws {
    let template = try ChatTemplate(source: "{{ raise_exception('roles must alternate') }}")
    let error = #expect(throws: ChatError.self) {
      try template.render(Conversation(messages: []), bosToken: nil, eosToken: nil)
    }
    #expect(error == ChatError(.refused, "roles must alternate"))
    #expect(error?.description == "the chat template refuses the conversation: roles must alternate")
  }
}
