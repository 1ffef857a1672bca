import TesseraJSON
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Refusals")
  struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
      var path = "/v1/chat/completions"
      let body: String
      var status = 400
      let code: String
      var param: String?
      var testDescription: String { "\(path) \(body.prefix(80))" }
    }

    private static let ask = #""messages": [{"role": "user", "content": "a"}]"#
    static let cases: [Case] = [
      Case(body: "", code: "invalid_json"), Case(body: "[1]", code: "invalid_json"),
      Case(body: "{", code: "invalid_json"),
      Case(body: "{\"a\": " + String(repeating: "[", count: 80), code: "invalid_json"),
      Case(body: "{}", code: "missing_required_parameter", param: "messages"),
      Case(body: #"{"messages": []}"#, code: "invalid_value", param: "messages"),
      Case(body: #"{"messages": 1}"#, code: "invalid_type", param: "messages"),
      Case(body: #"{"messages": [1]}"#, code: "invalid_type", param: "messages[0]"),
      Case(body: #"{"messages": [{"content": "a"}]}"#, code: "missing_required_parameter", param: "messages[0].role"),
      Case(body: #"{"messages": [{"role": "cat", "content": "a"}]}"#, code: "invalid_value", param: "messages[0].role"),
      Case(
        body: #"{"messages": [{"role": "user"}]}"#, code: "missing_required_parameter", param: "messages[0].content"),
      Case(
        body: #"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}"#,
        code: "unsupported_parameter", param: "messages[0].content[0].type"),
      Case(body: "{\(ask), \"temperature\": -1}", code: "out_of_range", param: "temperature"),
      Case(body: "{\(ask), \"temperature\": \"hot\"}", code: "invalid_type", param: "temperature"),
      Case(body: "{\(ask), \"n\": 1000}", code: "out_of_range", param: "n"),
      Case(body: "{\(ask), \"n\": 1.5}", code: "invalid_type", param: "n"),
      Case(body: "{\(ask), \"max_tokens\": -1}", code: "out_of_range", param: "max_tokens"),
      Case(body: "{\(ask), \"top_logprobs\": 3}", code: "invalid_value", param: "top_logprobs"),
      Case(body: "{\(ask), \"logprobs\": true, \"top_logprobs\": 300}", code: "out_of_range", param: "top_logprobs"),
      Case(body: "{\(ask), \"stop\": \"\"}", code: "out_of_range", param: "stop"),
      Case(body: "{\(ask), \"stop\": [1]}", code: "invalid_type", param: "stop[0]"),
      Case(body: "{\(ask), \"logit_bias\": {\"x\": 1}}", code: "out_of_range", param: "logit_bias"),
      Case(body: "{\(ask), \"logit_bias\": {\"99999\": 1}}", code: "out_of_range", param: "logit_bias"),
      Case(body: "{\(ask), \"stream_options\": {}}", code: "invalid_value", param: "stream_options"),
      Case(body: "{\(ask), \"functions\": []}", code: "unsupported_parameter", param: "functions"),
      Case(body: "{\(ask), \"modalities\": [\"audio\"]}", code: "unsupported_parameter", param: "modalities"),
      Case(body: "{\(ask), \"use_beam_search\": true}", code: "unsupported_parameter", param: "use_beam_search"),
      Case(body: "{\(ask), \"typical_p\": 0.5}", code: "unsupported_parameter", param: "typical_p"),
      Case(body: "{\(ask), \"model\": \"other\"}", status: 404, code: "model_not_found", param: "model"),
      Case(body: "{\(ask), \"seed\": 1e400}", code: "invalid_json"),
      Case(path: "/v1/completions", body: "{}", code: "missing_required_parameter", param: "prompt"),
      Case(path: "/v1/completions", body: #"{"prompt": [[]]}"#, code: "invalid_value", param: "prompt"),
      Case(path: "/v1/completions", body: #"{"prompt": [[1], 2]}"#, code: "invalid_type", param: "prompt[1]"),
      Case(path: "/v1/completions", body: #"{"prompt": [999999]}"#, code: "invalid_value", param: "prompt"),
      Case(path: "/v1/completions", body: #"{"prompt": [-1]}"#, code: "invalid_value", param: "prompt"),
      Case(
        path: "/v1/completions", body: #"{"prompt": "a", "suffix": "b"}"#, code: "unsupported_parameter",
        param: "suffix"),
      Case(
        path: "/v1/completions", body: #"{"prompt": "a", "best_of": 1, "n": 2}"#, code: "out_of_range", param: "best_of"
      ),
      Case(path: "/v1/embeddings", body: #"{"input": ""}"#, code: "invalid_value", param: "input"),
      Case(
        path: "/v1/embeddings", body: #"{"input": "a", "dimensions": 3}"#, code: "unsupported_parameter",
        param: "dimensions"),
      Case(
        path: "/v1/rerank", body: #"{"query": "a", "documents": ["b"]}"#, status: 404, code: "model_not_found",
        param: "model"),
      Case(
        path: "/v1/rerank", body: #"{"model": "tiny", "query": "a", "documents": ["b"]}"#, code: "unsupported_model",
        param: "model"),
      Case(
        path: "/v1/responses", body: #"{"input": "a", "previous_response_id": "r"}"#, code: "unsupported_parameter",
        param: "previous_response_id"),
      Case(path: "/detokenize", body: #"{"tokens": [999999]}"#, code: "invalid_value", param: "tokens"),
      Case(path: "/nowhere", body: "{}", status: 404, code: "not_found"),
      Case(path: "/health", body: "{}", status: 405, code: "method_not_allowed"),
    ]

    @Test("what cannot be served is refused with its place", arguments: cases)
    func refused(item: Case) async throws {
      let api = try await ServerFixture.api()
      let (status, document) = try await api.send("POST", item.path, item.body)
      #expect(status == item.status)
      #expect(document["error"]["code"].stringValue == item.code)
      #expect(document["error"]["param"].stringValue == item.param)
      #expect(document["error"]["message"].stringValue?.isEmpty == false)
    }

    @Test("a prompt that does not fit is refused with the numbers")
    func tooLong() async throws {
      let api = try await ServerFixture.api()
      let text = String(repeating: "x", count: 400)
      for (path, body, param) in [
        ("/v1/completions", #"{"prompt": "\#(text)"}"#, "prompt"),
        ("/v1/chat/completions", #"{"messages": [{"role": "user", "content": "\#(text)"}]}"#, "messages"),
        ("/v1/embeddings", #"{"input": ["a", "\#(text)"]}"#, "input[1]"),
      ] {
        let (status, document) = try await api.send("POST", path, body)
        #expect(status == 400 && document["error"]["code"] == "context_length_exceeded")
        #expect(document["error"]["param"].stringValue == param)
        let message = try #require(document["error"]["message"].stringValue)
        let numbers = message.split { !$0.isNumber }.compactMap { Int($0) }
        // The text's bytes, and what the template adds.
        #expect(numbers.count == 2 && 400..<450 ~= numbers[0] && numbers[1] == 256, "\(message)")
      }
    }

    @Test("a prompt that is far too long is refused before it is tokenized; what is only tokenized is not")
    func farTooLong() async throws {
      let api = try await ServerFixture.api()
      let text = String(repeating: "far too long ", count: 20_000)
      for (path, body) in [
        ("/v1/completions", #"{"prompt": ["a", "\#(text)"]}"#),
        ("/v1/chat/completions", #"{"messages": [{"role": "user", "content": "\#(text)"}]}"#),
        ("/v1/responses", #"{"input": "\#(text)"}"#),
      ] {
        let (status, document) = try await api.send("POST", path, body)
        #expect(status == 400 && document["error"]["code"] == "context_length_exceeded")
        let message = try #require(document["error"]["message"].stringValue)
        #expect(message.contains("at least ") && message.contains("256"), "\(message)")
      }
      let (status, tokens) = try await api.send("POST", "/tokenize", #"{"content": "\#(text)"}"#)
      #expect(status == 200 && tokens["count"].intValue == text.utf8.count)
      let (_, template) = try await api.send(
        "POST", "/apply-template", #"{"messages": [{"role": "user", "content": "\#(text)"}]}"#)
      #expect(template["tokens"].arrayValue?.count ?? 0 > text.utf8.count)
    }

    @Test("texts of a client that has gone are not tokenized")
    func gone() async throws {
      let api = try await ServerFixture.api()
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await api.send("POST", "/tokenize", #"{"content": "a"}"#)
      }
      await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a queue that is full says when to come again, and takes answers once others have ended")
    func queueFull() async throws {
      let api = try await ServerFixture.api { $0.limits.answers = 3 }
      var ticket: Admission.Ticket? = try api.admission.admit(2)
      let body = #"{"prompt": "a", "max_tokens": 1, "n": 2}"#
      let reply = try await api.reply(to: APIRequest(method: "POST", path: "/v1/completions", body: Array(body.utf8)))
      #expect(reply.status == 429 && reply.headers.contains { $0.name == "retry-after" })
      #expect(try await reply.document["error"]["code"] == "queue_full")
      withExtendedLifetime(ticket) {}
      ticket = nil
      #expect(try await api.send("POST", "/v1/completions", body).status == 200)
      #expect(api.admission.answers == 0)
      #expect(try await api.send("POST", "/v1/completions", #"{"prompt": "a", "n": 4}"#).status == 400)
    }

    @Test("fields that nobody knows are ignored")
    func unknownFields() async throws {
      let api = try await ServerFixture.api()
      let (status, _) = try await api.send(
        "POST", "/v1/chat/completions",
        "{\(Self.ask), \"model\": null, \"n\": null, \"max_tokens\": 1, \"user\": \"me\", \"store\": true, \"metadata\": {}, \"typical_p\": 1.0, \"use_beam_search\": false, \"whatever\": [1]}"
      )
      #expect(status == 200)
    }
  }
}
