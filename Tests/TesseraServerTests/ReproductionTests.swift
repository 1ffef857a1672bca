import Foundation
import Tessera
import TesseraJSON
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("What reproduces answers")
  struct ReproductionTests {
    private static let ask =
      #""messages": [{"role": "user", "content": "Why?"}], "max_tokens": 9, "temperature": 0.8, "ignore_eos": true"#
    private static let schema = #"{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}"#

    private func told(_ document: JSONValue) throws -> Reproduction {
      try JSONDecoder().decode(Reproduction.self, from: Data(document.text().utf8))
    }

    /// The answer, given again from its document alone.
    private func again(_ told: Reproduction) async throws -> Reproduction.Answer {
      let model = try await ServerFixture.api().models.model(nil, for: .completions).language
      var answer = Reproduction.Answer()
      for try await event in model.generate(tokens: told.request.promptTokens, options: told.request.options) {
        answer.add(event)
      }
      return answer
    }

    @Test(
      "each choice comes again from what is told of it, to the bit",
      arguments: [
        ("/v1/chat/completions", ask + #", "n": 2"#, 2),
        ("/v1/chat/completions", ask + #", "json_schema": \#(schema)"#, 1),
        ("/v1/chat/completions", ask + #", "seed": -3, "logit_bias": {"97": -100}, "presence_penalty": 1"#, 1),
        (
          "/v1/completions",
          #""prompt": ["Once", "b"], "n": 2, "stop": "x", "temperature": 1, "max_tokens": 8, "ignore_eos": true"#, 4
        ),
        (
          "/v1/completions",
          #""prompt": "Once", "n": 2, "best_of": 3, "temperature": 1, "max_tokens": 8, "ignore_eos": true"#, 2
        ),
        ("/v1/completions", #""prompt": "Once", "temperature": 0, "max_tokens": 8, "ignore_eos": true"#, 1),
      ])
    func same(path: String, ask: String, count: Int) async throws {
      let api = try await ServerFixture.api()
      let (status, document) = try await api.send("POST", path, "{\(ask), \"reproduce\": true}")
      #expect(status == 200, "\(document.text())")
      let choices = try #require(document["choices"].arrayValue)
      #expect(choices.count == count)
      for choice in choices {
        let told = try told(choice["reproduce"])
        try #require(!told.answer.tokens.isEmpty)
        #expect(told.answer.logprobBits.count == told.answer.tokens.count)
        let seed = choice["seed"].intValue.map { UInt64(bitPattern: Int64($0)) & UInt64(Int64.max) }
        #expect(told.request.seed == seed)
        if ask.contains("-3") { #expect(choice["seed"] == -3) }
        var answer = try await again(told)
        #expect(answer.firstDifference(from: told.answer) == nil)
        // Log-probabilities are told where they are asked for.
        #expect(choice["logprobs"].isNull)
        answer.tokens[0] ^= 1
        #expect(answer.firstDifference(from: told.answer) == 0)
      }
      // Which is best is known at the end.
      if ask.contains("best_of") { return }
      let parts = try await api.stream(path, "{\(ask), \"reproduce\": true, \"stream\": true}")
      let ends = parts.map { $0["choices"][0] }.filter { !$0["finish_reason"].isNull }
      #expect(ends.count == count)
      for end in ends {
        let told = try told(end["reproduce"])
        #expect(try await again(told).firstDifference(from: told.answer) == nil)
      }
    }

    @Test("only files that have changed are the request's fault")
    func refusals() {
      func refusal(_ error: any Error) -> any Error { GenerationRequest.refusal(ofDigest: error) }
      #expect((refusal(FileError(.malformed, path: "p", "changed")) as? APIError)?.param == "reproduce")
      #expect((refusal(FileError(.system, path: "p", "no")) as? FileError)?.code == .system)
      #expect(refusal(CancellationError()) is CancellationError)
    }

    @Test("infinite biases are kept by any coder of JSON")
    func infiniteBiases() throws {
      var options = GenerationOptions()
      options.logitBias = [5: -.infinity, 6: .infinity, 7: -1.5]
      let request = try Reproduction.Request(promptTokens: [1], sourceTokens: nil, options: options)
      let document = try JSONEncoder().encode(request)
      #expect(String(decoding: document, as: UTF8.self).contains(#""5":"-inf""#))
      #expect(try JSONDecoder().decode(Reproduction.Request.self, from: document) == request)
    }

    @Test("a wanted call comes again, too")
    func calls() async throws {
      let api = try await ServerFixture.api(callsTools: true)
      let tools =
        #""tools": [{"type": "function", "function": {"name": "f", "parameters": {"enum": [{"a": 1}, {"a": 2}]}}}]"#
      let (status, document) = try await api.send(
        "POST", "/v1/chat/completions",
        "{\(Self.ask.replacing("9", with: "99")), \(tools), \"tool_choice\": \"required\", \"reproduce\": true}")
      #expect(status == 200, "\(document.text())")
      let told = try told(document["choices"][0]["reproduce"])
      #expect(told.request.constraint != nil)
      #expect(try await again(told).firstDifference(from: told.answer) == nil)
    }

    @Test("a seed that was drawn is told, and gives the same text")
    func seeds() async throws {
      let api = try await ServerFixture.api()
      let (_, first) = try await api.send("POST", "/v1/chat/completions", "{\(Self.ask), \"n\": 2}")
      let choices = try #require(first["choices"].arrayValue)
      #expect(choices.allSatisfy { $0["reproduce"].isNull })
      for choice in choices {
        let seed = try #require(choice["seed"].intValue)
        let (_, second) = try await api.send("POST", "/v1/chat/completions", "{\(Self.ask), \"seed\": \(seed)}")
        #expect(second["choices"][0]["message"] == choice["message"])
      }
      let (_, response) = try await api.send(
        "POST", "/v1/responses", #"{"input": "a", "max_output_tokens": 2, "reproduce": true}"#)
      let told = try told(response["reproduce"])
      #expect(told.request.seed.map { Int($0) } == response["seed"].intValue)
      #expect(try await again(told).firstDifference(from: told.answer) == nil)
    }
  }
}
