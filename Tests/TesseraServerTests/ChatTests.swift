import Tessera
import TesseraJSON
import TestSupport
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Chats")
  struct ChatTests {
    private static let messages = #""messages": [{"role": "user", "content": "Why?"}]"#

    @Test("a streamed answer is the whole one, piece by piece, of which each is text")
    func streaming() async throws {
      let api = try await ServerFixture.api()
      let body = Self.messages + #", "max_tokens": 12, "temperature": 1, "seed": 3, "n": 2"#
      let (status, whole) = try await api.send("POST", "/v1/chat/completions", "{\(body)}")
      #expect(status == 200 && whole["choices"].arrayValue?.count == 2)
      let chunks = try await api.stream(
        "/v1/chat/completions", #"{\#(body), "stream": true, "stream_options": {"include_usage": true}}"#)
      for index in 0..<2 {
        let parts = chunks.compactMap { $0["choices"][0] }.filter { $0["index"].intValue == index }
        #expect(parts.first?["delta"]["role"] == "assistant")
        let text = parts.compactMap { $0["delta"]["content"].stringValue }.joined()
        #expect(text == whole["choices"][index]["message"]["content"].stringValue)
        #expect(parts.last?["finish_reason"] == whole["choices"][index]["finish_reason"])
      }
      let usage = try #require(chunks.last?["usage"])
      #expect(usage["completion_tokens"] == whole["usage"]["completion_tokens"])
      #expect(usage["prompt_tokens"] == whole["usage"]["prompt_tokens"])
      #expect(chunks.last?["choices"] == [])
    }

    @Test("log-probabilities come with each token, and with as many others as asked for")
    func logprobs() async throws {
      let api = try await ServerFixture.api()
      let (_, answer) = try await api.send(
        "POST", "/v1/chat/completions",
        "{\(Self.messages), \"max_tokens\": 5, \"temperature\": 0, \"logprobs\": true, \"top_logprobs\": 3}")
      let tokens = try #require(answer["choices"][0]["logprobs"]["content"].arrayValue)
      #expect(tokens.count == answer["usage"]["completion_tokens"].intValue)
      for token in tokens {
        let top = try #require(token["top_logprobs"].arrayValue)
        // The likeliest is taken at temperature 0.
        #expect(top.count == 3 && top[0]["logprob"] == token["logprob"])
        #expect(try #require(token["logprob"].doubleValue) < 0)
      }
    }

    @Test("a stop string ends the answer and is no part of it")
    func stop() async throws {
      let api = try await ServerFixture.api()
      let ask = "\"max_tokens\": 40, \"temperature\": 0"
      let (_, whole) = try await api.send("POST", "/v1/completions", #"{"prompt": "Once", \#(ask)}"#)
      let text = try #require(whole["choices"][0]["text"].stringValue)
      let stop = String(text.unicodeScalars.dropFirst(4).prefix(2).map(Character.init))
      let body: JSONObject = ["prompt": "Once", "max_tokens": 40, "temperature": 0, "stop": [.string(stop)]]
      let (_, cut) = try await api.send("POST", "/v1/completions", JSONValue.object(body).text())
      let range = try #require(text.range(of: stop))
      #expect(cut["choices"][0]["text"].stringValue == String(text[..<range.lowerBound]))
      #expect(cut["choices"][0]["finish_reason"] == "stop")
    }

    @Test("parts of a message are one text, and the developer is the system")
    func parts() async throws {
      let api = try await ServerFixture.api()
      let (_, parts) = try await api.send(
        "POST", "/apply-template",
        #"""
        {"messages": [{"role": "developer", "content": "Brief."},
          {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}
        """#)
      #expect(
        parts["prompt"].stringValue
          == "<|im_start|>system\nBrief.<|im_end|>\n<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\n")
    }

    @Test("a response has the text of the chat, whole and in events")
    func responses() async throws {
      let api = try await ServerFixture.api()
      let (_, chat) = try await api.send(
        "POST", "/v1/chat/completions", "{\(Self.messages), \"max_tokens\": 9, \"temperature\": 0}")
      let text = chat["choices"][0]["message"]["content"]
      let ask = #""input": "Why?", "max_output_tokens": 9, "temperature": 0"#
      let (status, whole) = try await api.send("POST", "/v1/responses", "{\(ask)}")
      #expect(status == 200 && whole["output"][0]["content"][0]["text"] == text)
      let events = try await api.stream("/v1/responses", "{\(ask), \"stream\": true}")
      #expect(events.map { $0["sequence_number"].intValue } == events.indices.map { $0 })
      let deltas = events.filter { $0["type"] == "response.output_text.delta" }
      #expect(deltas.compactMap { $0["delta"].stringValue }.joined() == text.stringValue)
      #expect(events.last?["response"]["output"][0]["content"] == whole["output"][0]["content"])
      #expect(events.first?["response"]["status"] == "in_progress")
    }
  }
}
