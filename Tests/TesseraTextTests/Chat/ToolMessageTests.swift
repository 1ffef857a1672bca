import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Tools in conversations")
struct ToolMessageTests {
  @Test("a template's text says how the model calls tools and thinks")
  func formats() throws {
    let expected: [String: (AnswerFormat.Calls, thinks: Bool)] = [
      "gpt-oss": (.channels, false), "hermes-tool-use": (.tagged, false), "qwen2.5": (.tagged, false),
      "qwen3": (.tagged, true), "llama-3.2": (.bare, false), "mistral-v3": (.listed, false),
      "mistral-nemo": (.listed, false), "deepseek-r1": (.none, true),
    ]
    for name in TemplateFixtures.templates {
      let format = AnswerFormat(try ChatTemplate(source: try TemplateFixtures.text("\(name).jinja")))
      let (calls, thinks) = expected[name] ?? (.none, false)
      #expect(format.calls == calls && format.thinks == thinks, "\(name)")
    }
  }

  @Test("answers with calls, and results, render as transformers renders them", arguments: ["qwen2.5", "gpt-oss"])
  func rendered(name: String) throws {
    let all = try TemplateFixtures.rendered(name)
    let expected = all.first { $0["conversation"] == .string("tool-call") && $0["generation"] == .bool(true) }
    let conversations = try TemplateFixtures.conversations()
    let document = try #require(conversations["tool-call"])
    var conversation = try Conversation(document)
    var answer = ParsedAnswer()
    answer.append(.toolCall(ToolCallDelta(index: 0, name: "weather", arguments: "{\"place\": \"Zürich\", ")))
    answer.append(.toolCall(ToolCallDelta(index: 0, arguments: "\"days\": 3, \"far\": false, \"x\": null}")))
    conversation.messages[1] = ChatMessage(answer: answer)
    conversation.messages[2] = ChatMessage(result: "{\"t\": 21.5}", of: answer.toolCalls[0])
    let template = try ChatTemplate(source: try TemplateFixtures.text("\(name).jinja"))
    let text = try template.render(conversation, bosToken: "<s>", eosToken: "</s>")
    #expect(text == expected?["output"]?.stringValue)
    #expect(conversation.messages[2].fields["tool_call_id"] == "call_0")

    var thought = ParsedAnswer()
    thought.append(.reasoning("Hm."))
    thought.append(.content("Yes."))
    let message = ChatMessage(answer: thought)
    #expect(message.fields["reasoning_content"] == "Hm." && message.content == "Yes.")
    // Arguments that are no object stay as they are.
    var odd = try ChatMessage(
      fields: ["role": "assistant", "tool_calls": [["function": ["name": "f", "arguments": "[1"]]]])
    let before = odd
    odd.readArguments()
    #expect(odd == before)
  }

  @Test("a tool's definition is what templates take")
  func definition() throws {
    let conversations = try TemplateFixtures.conversations()
    let document = try #require(conversations["tools"])
    let conversation = try Conversation(document)
    let tools = try #require(conversation.tools)
    let function = try #require(tools[0].objectValue?["function"]?.objectValue)
    let tool = ToolDefinition(
      name: "weather", description: function["description"]?.stringValue, parameters: function["parameters"])
    #expect(tool.value == tools[0])
    #expect(ToolDefinition(name: "now").value == tools[1])
  }
}
