import Testing

@testable import TesseraText

@Suite("Conversations")
struct ConversationTests {
  private func code(_ text: String) -> ChatError.Code? {
    do throws(ChatError) {
      _ = try Conversation(fromJSON: Array(text.utf8))
      return nil
    } catch {
      return error.code
    }
  }

  @Test("messages keep all fields in their order")
  func fields() throws {
    let text = """
      {"model": "x", "messages": [{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "z": 1, "a": 2.50}],
      "name": "é\\u00e9\\ud83d\\ude00\\n"}], "tools": [{"type": "function"}]}
      """
    let conversation = try Conversation(fromJSON: Array(text.utf8))
    let message = try #require(conversation.messages.first)
    #expect(message.role == "assistant")
    #expect(message.content == .null)
    #expect(message.fields.members.map(\.key) == ["role", "content", "tool_calls", "name"])
    #expect(message.fields["name"] == "éé😀\n")
    #expect(conversation.tools == [["type": "function"]])
    let template = try ChatTemplate(source: "{{ messages[0].tool_calls | tojson }}")
    #expect(try template.render(conversation, bosToken: nil, eosToken: nil) == #"[{"id": "1", "z": 1, "a": 2.5}]"#)
  }

  @Test("a plain array of messages is a conversation without tools")
  func array() throws {
    let messages = try Conversation(fromJSON: Array(#" [{"role":"user","content":"hi"}] "#.utf8)).messages
    #expect(messages == [ChatMessage(role: "user", content: "hi")])
    #expect(try Conversation(fromJSON: Array("[]".utf8)) == Conversation(messages: []))
    #expect(try Conversation(fromJSON: Array(#"{"messages":[],"tools":null}"#.utf8)).tools == nil)
  }

  @Test(
    "what is not a conversation is refused",
    arguments: [
      "", " ", "{", "[", "{}", "1", "null", #"{"messages": {}}"#, "[1]", "[{}]", #"[{"role": 1}]"#, "[] []", "[,]",
      "[1,]",
      #"{"a" 1}"#, #"{"a":1,}"#, "{a:1}", "[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[NaN]", "[Infinity]", "['a']",
      #"["\x"]"#, #"["\u12"]"#, #"["\ud800"]"#, #"["\ud800\u0041"]"#, #"["\udc00"]"#, "[\"\n\"]", #"["a]"#, "[tru]",
      "[99999999999999999999]", #"{"messages":[],"tools":{}}"#, "[\u{FEFF}]",
      String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 100_000),
    ])
  func refused(text: String) {
    #expect(code(text) == .conversation)
  }

  @Test("bytes that are not UTF-8 are refused with their line")
  func invalidUTF8() throws {
    let error = #expect(throws: ChatError.self) {
      try Conversation(fromJSON: [0x5B, 0x0A, 0x22, 0xC3, 0x28, 0x22, 0x5D])
    }
    #expect(
      error?.description == "the JSON text is wrong at byte 6 (line 2): a string ends here that is not UTF-8")
  }
}
