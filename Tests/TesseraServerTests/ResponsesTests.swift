import TesseraJSON
import TesseraText
import TestSupport
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Responses")
  struct ResponsesTests {
    private static let tools =
      #""tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": null}]"#
    /// What the model is made to say: a thought, a word and two calls.
    private static let said: JSONObject = [
      "grammar": .string(
        #"root ::= "<think>hm</think>ok<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [1]}}</tool_call>" "#
          + #""<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 2}}</tool_call>""#)
    ]

    private func body(_ more: String) -> String {
      let said = JSONValue.object(Self.said).text().dropFirst().dropLast()
      return "{\"input\": \"a\", \"max_output_tokens\": 200, \"seed\": 1, \(said), \(Self.tools)\(more)}"
    }

    private static func check(_ items: JSONValue) throws {
      #expect(
        items.arrayValue?.map { $0["type"].stringValue } == ["reasoning", "message", "function_call", "function_call"])
      #expect(items[0]["content"][0]["text"] == "hm" && items[0]["summary"] == [])
      #expect(items[1]["content"][0]["text"] == "ok" && items[1]["role"] == "assistant")
      #expect(items[2]["name"] == "f" && items[3]["name"] == "f")
      #expect(items[2]["call_id"] != items[3]["call_id"] && items[2]["id"] != items[3]["id"])
      let arguments = try [2, 3].map { try JSONValue(parsing: items[$0]["arguments"].stringValue ?? "") }
      #expect(arguments == [["a": [1]], ["a": 2]])
    }

    @Test("thoughts, texts and calls are items")
    func items() async throws {
      let api = try await ServerFixture.api(callsTools: true)
      let (status, answer) = try await api.send("POST", "/v1/responses", body(""))
      #expect(status == 200 && answer["status"] == "completed", "\(answer.text())")
      try Self.check(answer["output"])
      #expect(answer["tools"][0]["name"] == "f" && answer["tool_choice"] == "auto")
      let thought = try #require(answer["usage"]["output_tokens_details"]["reasoning_tokens"].intValue)
      #expect(thought > 0 && thought < answer["usage"]["output_tokens"].intValue ?? 0)
      let (_, once) = try await api.send("POST", "/v1/responses", body(", \"parallel_tool_calls\": false"))
      #expect(once["output"].arrayValue?.count == 3 && once["parallel_tool_calls"] == false)
    }

    @Test("events come in OpenAI's order, and add up to the items")
    func events() async throws {
      let api = try await ServerFixture.api(callsTools: true)
      let events = try await api.stream("/v1/responses", body(", \"stream\": true"))
      #expect(events.map { $0["sequence_number"].intValue } == events.indices.map { $0 })
      // Without how often each delta comes.
      var names: [String] = []
      for event in events {
        let name = String((event["type"].stringValue ?? "").dropFirst("response.".count))
        if names.last != name { names.append(name) }
      }
      func text(_ kind: String) -> [String] {
        [
          "output_item.added", "content_part.added", "\(kind).delta", "\(kind).done", "content_part.done",
          "output_item.done",
        ]
      }
      let call = [
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
      ]
      #expect(
        names == ["created", "in_progress"] + text("reasoning_text") + text("output_text") + call + call + ["completed"]
      )
      try Self.check(try #require(events.last)["response"]["output"])
      for (index, item) in (events.last?["response"]["output"].arrayValue ?? []).enumerated() {
        let own = events.filter { $0["item_id"] == item["id"] }
        #expect(own.allSatisfy { $0["output_index"].intValue == index })
        let text = own.compactMap { $0["delta"].stringValue }.joined()
        #expect(.string(text) == (item["type"] == "function_call" ? item["arguments"] : item["content"][0]["text"]))
        let ends = events.filter { $0["item"]["id"] == item["id"] }
        #expect(ends.count == 2 && ends[1]["item"] == item && ends[0]["item"]["status"] == "in_progress")
      }
      #expect(events.first?["response"]["output"] == [])
    }

    @Test("a response that is cut says so, as does its last item")
    func cut() async throws {
      let api = try await ServerFixture.api()
      let (_, answer) = try await api.send(
        "POST", "/v1/responses", #"{"input": "a", "max_output_tokens": 3, "grammar": "root ::= \"abcdefgh\""}"#)
      #expect(answer["status"] == "incomplete" && answer["incomplete_details"]["reason"] == "max_output_tokens")
      #expect(answer["output"][0]["status"] == "incomplete" && answer["output"][0]["content"][0]["text"] == "abc")
    }

    @Test("items become the messages that a chat has")
    func input() throws {
      let items = #"""
        {"input": [{"role": "user", "content": "q"}, {"type": "reasoning", "summary": [],
         "content": [{"type": "reasoning_text", "text": "hm"}]},
         {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
         {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\": 1}"},
         {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
         {"type": "function_call_output", "call_id": "c1", "output": "1"},
         {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
         {"type": "function_call", "call_id": "c3", "name": "h", "arguments": "{}"},
         {"type": "reasoning", "content": [], "summary": [{"type": "summary_text", "text": "so"}]},
         {"role": "user", "content": "r"}]}
        """#
      let fields = RequestFields(try JSONValue(parsing: items).objectValue ?? [:])
      let messages = try fields.inputMessages(ServerOptions.Limits()).map(\.value)
      #expect(messages.map { $0["role"] } == ["user", "assistant", "tool", "tool", "assistant", "assistant", "user"])
      #expect(messages[1]["reasoning_content"] == "hm" && messages[1]["content"] == "ok")
      #expect(messages[1]["tool_calls"].arrayValue?.map { $0["id"] } == ["c1", "c2"])
      #expect(messages[1]["tool_calls"][0]["function"] == ["name": "f", "arguments": ["a": 1]])
      #expect(messages[2]["tool_call_id"] == "c1" && messages[3]["content"] == "2")
      #expect(messages[4]["tool_calls"][0]["function"]["name"] == "h" && messages[4].objectValue?["content"] == nil)
      #expect(messages[5]["reasoning_content"] == "so" && messages[5]["content"] == "")
    }

    @Test("a call's arguments are read once, however many calls there are")
    func manyCalls() throws {
      // No JSON, which is known at the end alone: it stays a text.
      let cut = "{\"a\": \"" + String(repeating: "a", count: 1 << 20)
      func seconds(calls count: Int) throws -> Duration {
        let items = ([cut] + [String](repeating: "{}", count: count)).map { arguments -> JSONValue in
          ["type": "function_call", "call_id": "c", "name": "f", "arguments": .string(arguments)]
        }
        let fields = RequestFields(["input": .array(items)])
        return try (0..<3).map { _ in
          let start = processorTime()
          let messages = try fields.inputMessages(ServerOptions.Limits())
          #expect(messages.count == 1 && messages[0].fields["tool_calls"]?.arrayValue?.count == count + 1)
          #expect(messages[0].value["tool_calls"][0]["function"]["arguments"] == .string(cut))
          return processorTime() - start
        }.min() ?? .zero
      }
      #expect(try seconds(calls: 100) < seconds(calls: 0) * 20)
    }

    @Test("what adds nothing is taken, and what is told is what was given")
    func told() async throws {
      let api = try await ServerFixture.api()
      let (status, answer) = try await api.send(
        "POST", "/v1/responses",
        #"{"input": "a", "max_output_tokens": 1, "include": ["reasoning.encrypted_content"], "store": true, "n": 1, "#
          + #""top_logprobs": 0, "temperature": 0.7, "top_p": 0.9}"#)
      #expect(status == 200 && answer["store"] == false, "\(answer.text())")
      #expect(answer["temperature"].text() == "0.7" && answer["top_p"].text() == "0.9")
    }

    @Test("a wanted call that is cut before its function is known leaves no text")
    func cutCall() async throws {
      let api = try await ServerFixture.api(callsTools: true)
      let allowed = #"{"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}"#
      for choice in [#""required""#, allowed] {
        let ask = "\(Self.tools), \"tool_choice\": \(choice), \"max_output_tokens\": 14"
        let (status, answer) = try await api.send("POST", "/v1/responses", "{\"input\": \"a\", \(ask)}")
        #expect(status == 200 && answer["status"] == "incomplete", "\(answer.text())")
        #expect(answer["output"].arrayValue?.count == 1 && answer["output"][0]["content"][0]["text"] == "")
      }
    }

    @Test(
      "what is not kept and what cannot be read is refused",
      arguments: [
        (#""input": "a", "store": 1"#, "store"), (#""input": "a", "background": true"#, "background"),
        (#""input": "a", "n": 2"#, "n"), (#""input": "a", "top_logprobs": 1"#, "top_logprobs"),
        (#""input": "a", "include": ["message.output_text.logprobs"]"#, "include"),
        (#""input": "a", "conversation": "c""#, "conversation"), (#""input": "a", "include": ["x"]"#, "include"),
        (#""input": []"#, "input"), (#""input": [1]"#, "input[0]"),
        (#""input": [{"type": "item_reference", "id": "x"}]"#, "input[0].type"),
        (#""input": [{"type": "function_call", "name": "f", "arguments": "{}"}]"#, "input[0].call_id"),
        (#""input": [{"type": "function_call_output", "call_id": "f"}]"#, "input[0].output"),
        (#""input": "a", "tools": [{"type": "web_search"}]"#, "tools[0].type"),
        (#""input": "a", "tools": [{"type": "function"}]"#, "tools[0].name"),
        (#""input": "a", "tool_choice": "required""#, "tool_choice"),
        (#""input": "a", "tool_choice": {"type": "function"}"#, "tool_choice.name"),
        (#""input": "a", "tool_choice": {"type": "allowed_tools", "mode": "never", "tools": []}"#, "tool_choice.mode"),
        (
          #""input": "a", "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function"}]}"#,
          "tool_choice.tools[0].name"
        ),
        (#""input": "a", "text": {"format": {"type": "json_object"}}, "guided_regex": "a""#, "guided_regex"),
        (#""input": "a", "text": {"format": {"type": "json_object"}}, \#(tools)"#, "text.format"),
      ])
    func refused(ask: String, param: String) async throws {
      let api = try await ServerFixture.api(callsTools: true)
      let (status, answer) = try await api.send("POST", "/v1/responses", "{\(ask)}")
      #expect(status == 400 && answer["error"]["param"].stringValue == param, "\(answer.text())")
    }
  }
}
