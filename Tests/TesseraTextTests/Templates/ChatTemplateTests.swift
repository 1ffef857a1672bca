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
    let prompt = try template.render(messages: [], bosToken: nil, eosToken: "</s>", variables: ["thinking": false])
    #expect(prompt == "False </s> True True False")
  }

  @Test("strftime_now shows the given time")
  func time() throws {
    let template = try ChatTemplate(source: "{{ strftime_now('%d %b %Y, %A, 100%%') }}")
    // Noon, so that the day is the same in almost every time zone.
    let prompt = try template.render(messages: [], bosToken: nil, eosToken: nil, now: 1_721_995_200)
    #expect(prompt == "26 Jul 2024, Friday, 100%")
    let today = try template.render(messages: [], bosToken: nil, eosToken: nil)
    #expect(today.hasSuffix(", 100%") && today != prompt)
  }

  @Test("strings are compared, cut and counted by Unicode scalars")
  func scalars() throws {
    let template = try ChatTemplate(
      source: "{{ m == 'e\u{301}' }} {{ m | length }} {{ (m ~ m)[1] | tojson }} {{ m in m }}")
    let render = { (text: JSONValue) in
      try template.render(messages: [], bosToken: nil, eosToken: nil, variables: ["m": text])
    }
    #expect(try render("\u{E9}") == "False 1 \"\u{E9}\" True")
    #expect(try render("e\u{301}") == "True 2 \"\u{301}\" True")
    #expect(try render("\r\n") == #"False 2 "\n" True"#)
  }
}
