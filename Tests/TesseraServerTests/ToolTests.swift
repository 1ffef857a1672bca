import TesseraJSON
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Tools")
  struct ToolTests {
    private static let messages = #""messages": [{"role": "user", "content": "a"}], "max_tokens": 200, "seed": 1"#
    private static let tools =
      #""tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]"#
    /// What the model is made to say: a thought, a word and two calls.
    private static let said: JSONObject = [
      "grammar": .string(
        #"root ::= "<think>hm</think>ok<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [1]}}</tool_call>" "#
          + #""<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 2}}</tool_call>""#)
    ]

    private func body(_ more: String) -> String {
      "{\(Self.messages), \(JSONValue.object(Self.said).text().dropFirst().dropLast()), \(more)}"
    }

    @Test("calls and thoughts are apart from the text, whole and in parts", arguments: [false, true])
    func calls(isStreamed: Bool) async throws {
      let api = try await ServerFixture.api(callsTools: true)
      var (text, thought, reason) = ("", "", JSONValue.null)
      var calls: [(id: String, name: String, arguments: String)] = []
      if isStreamed {
        for chunk in try await api.stream("/v1/chat/completions", body("\(Self.tools), \"stream\": true")) {
          let choice = chunk["choices"][0]
          text += choice["delta"]["content"].stringValue ?? ""
          thought += choice["delta"]["reasoning_content"].stringValue ?? ""
          for call in choice["delta"]["tool_calls"].arrayValue ?? [] {
            let index = try #require(call["index"].intValue)
            if let name = call["function"]["name"].stringValue {
              #expect(index == calls.count)
              calls.append((try #require(call["id"].stringValue), name, ""))
            }
            calls[index].arguments += call["function"]["arguments"].stringValue ?? ""
          }
          if !choice["finish_reason"].isNull { reason = choice["finish_reason"] }
        }
      } else {
        let (status, answer) = try await api.send("POST", "/v1/chat/completions", body(Self.tools))
        #expect(status == 200, "\(answer.text())")
        let message = answer["choices"][0]["message"]
        text = message["content"].stringValue ?? ""
        thought = message["reasoning_content"].stringValue ?? ""
        reason = answer["choices"][0]["finish_reason"]
        calls = (message["tool_calls"].arrayValue ?? []).map {
          (
            $0["id"].stringValue ?? "", $0["function"]["name"].stringValue ?? "",
            $0["function"]["arguments"].stringValue ?? ""
          )
        }
      }
      #expect(text == "ok" && thought == "hm" && reason == "tool_calls")
      #expect(calls.map(\.name) == ["f", "f"] && Set(calls.map(\.id)).count == 2)
      #expect(try calls.map { try JSONValue(parsing: $0.arguments, options: .request) } == [["a": [1]], ["a": 2]])
    }

    @Test("one call alone, if that is asked for; none where there are no tools")
    func fewer() async throws {
      let api = try await ServerFixture.api(callsTools: true)
      let (_, once) = try await api.send(
        "POST", "/v1/chat/completions", body("\(Self.tools), \"parallel_tool_calls\": false"))
      #expect(once["choices"][0]["message"]["tool_calls"].arrayValue?.count == 1)
      for ask in ["\(Self.tools), \"tool_choice\": \"none\"", "\"n\": 1"] {
        let (_, none) = try await api.send("POST", "/v1/chat/completions", body(ask))
        #expect(none["choices"][0]["message"]["tool_calls"].isNull)
        #expect(none["choices"][0]["finish_reason"] == "stop")
        #expect(none["choices"][0]["message"]["content"].stringValue?.hasPrefix("ok<tool_call>") == true)
      }
    }

    private static func choice(_ name: String) -> String {
      "\"tool_choice\": {\"type\": \"function\", \"function\": {\"name\": \"\(name)\"}}"
    }

    private static func allowed(_ names: [String], _ mode: String) -> String {
      let tools = names.map { "{\"type\": \"function\", \"function\": {\"name\": \"\($0)\"}}" }.joined(separator: ", ")
      return
        "\"tool_choice\": {\"type\": \"allowed_tools\", \"allowed_tools\": {\"mode\": \"\(mode)\", \"tools\": [\(tools)]}}"
    }

    /// Of which the second holds its arguments to their schema whatever is chosen.
    private static let unlike =
      #""tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}, "#
      + #"{"type": "function", "function": {"name": "say", "strict": true, "parameters": {"type": "object", "properties": "#
      + #"{"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": false}}}]"#

    @Test("calls of allowed tools, while the prompt tells all")
    func allowed() async throws {
      let api = try await ServerFixture.api(callsTools: true)
      for seed in 2..<6 {
        let messages = Self.messages.replacing("\"seed\": 1", with: "\"seed\": \(seed)")
        let (status, answer) = try await api.send(
          "POST", "/v1/chat/completions",
          "{\(messages), \(Self.unlike), \(Self.allowed(["say"], "required")), \"parallel_tool_calls\": false}")
        #expect(status == 200, "\(answer.text())")
        let call = try #require(answer["choices"][0]["message"]["tool_calls"].arrayValue?.first)["function"]
        #expect(call["name"].stringValue == "say")
        #expect(["{\"a\":1}", "{\"a\":2}"].contains(call["arguments"].stringValue?.filter { $0 != " " }))
      }
      // Where the model decides, what it is held to tells.
      let model = try api.models.model(nil, for: .completions).language
      let tools = try RequestFields(JSONValue(parsing: "{\(Self.unlike)}", options: .request).objectValue ?? [:])
        .tools(nil, .auto)
      for (choice, openings) in [
        (ToolChoice.allowed(["add"], isRequired: false), ["add"]), (.allowed(["say"], isRequired: false), ["say"]),
        (.allowed(["say", "add"], isRequired: false), ["add", "say"]),
      ] {
        let form = try #require(
          try choice.calls(
            tools, try model.chatTemplate, try model.tokenizer, RequestFields([:]), callsOnce: false))
        #expect(!form.isRequired && form.mostCalls == nil && form.calls.count == openings.count)
        for (call, name) in zip(form.calls, openings) {
          #expect(call.opening.contains("\"\(name)\"") && call.schema.contains("enum") == (name == "say"))
        }
      }
    }

    @Test("a wanted call comes, with arguments by its schema", arguments: [nil, "add"])
    func wanted(name: String?) async throws {
      let api = try await ServerFixture.api(callsTools: true)
      let tools =
        #""tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": "#
        + #"{"a": {"enum": [1, 2]}}, "required": ["a"]}}}, {"type": "function", "function": {"name": "say", "parameters": "#
        + #"{"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}}}]"#
      let choice = name.map { Self.choice($0) } ?? #""tool_choice": "required""#
      for seed in 2..<6 {
        let messages = Self.messages.replacing("\"seed\": 1", with: "\"seed\": \(seed)")
        let (status, answer) = try await api.send(
          "POST", "/v1/chat/completions", "{\(messages), \(tools), \(choice), \"parallel_tool_calls\": false}")
        #expect(status == 200, "\(answer.text())")
        let message = answer["choices"][0]["message"]
        let call = try #require(message["tool_calls"].arrayValue?.first, "\(answer.text())")["function"]
        #expect(name == nil ? ["add", "say"].contains(call["name"].stringValue) : call["name"].stringValue == name)
        let arguments = try JSONValue(parsing: call["arguments"].stringValue ?? "", options: .request)
        #expect(arguments == ["a": 1] || arguments == ["a": 2])
        #expect(message["content"].stringValue ?? "" == "")
      }
    }

    @Test("tools that cannot be called are refused")
    func refused() async throws {
      for (callsTools, ask, param) in [
        (false, Self.tools, "tools"), (true, #""tools": [{"type": "web"}]"#, "tools[0].type"),
        (true, #""tools": [{"type": "function"}]"#, "tools[0].function"),
        (true, #""tools": [{"type": "function", "function": {}}]"#, "tools[0].function.name"),
        (true, #""tools": 1"#, "tools"), (true, #""tool_choice": "required""#, "tool_choice"),
        (true, "\(Self.tools), \"tool_choice\": \"never\"", "tool_choice"),
        (true, "\(Self.tools), \(Self.choice("g"))", "tool_choice"),
        (true, "\(Self.tools), \(Self.allowed(["f", "g"], "auto"))", "tool_choice"),
        (true, "\(Self.tools), \(Self.allowed(["f"], "never"))", "tool_choice.allowed_tools.mode"),
        (true, "\(Self.tools), \(Self.allowed([], "auto"))", "tool_choice.allowed_tools.tools"),
        (true, "\(Self.tools), \"tool_choice\": {\"type\": \"allowed_tools\"}", "tool_choice.allowed_tools"),
        (
          true, "\(Self.tools), \"tool_choice\": {\"type\": \"allowed_tools\", \"allowed_tools\": {\"tools\": [{}]}}",
          "tool_choice.allowed_tools.tools[0].function"
        ),
        (true, "\(Self.tools), \(Self.choice("f")), \"guided_regex\": \"a\"", "guided_regex"),
        (true, "\(Self.tools), \"response_format\": {\"type\": \"json_object\"}", "response_format"),
        (
          true,
          #""tools": [{"type": "function", "function": {"name": "f", "parameters": {"not": {}}}}], "#
            + #""tool_choice": "required""#, "tools"
        ),
      ] {
        let api = try await ServerFixture.api(callsTools: callsTools)
        let (status, answer) = try await api.send("POST", "/v1/chat/completions", "{\(Self.messages), \(ask)}")
        #expect(status == 400)
        #expect(answer["error"]["param"].stringValue == param)
      }
    }
  }
}
