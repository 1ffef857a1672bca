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
}
