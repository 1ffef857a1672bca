import Foundation
import Tessera
import TesseraJSON
import TestSupport
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Completions")
  struct CompletionTests {
    @Test("an echoed prompt's log-probabilities are those that its tokens would have had as an answer")
    func echo() async throws {
      let api = try await ServerFixture.api()
      let (_, answer) = try await api.send(
        "POST", "/v1/completions", #"{"prompt": "Once", "max_tokens": 6, "temperature": 0, "logprobs": 2}"#)
      let tokens = try #require(answer["choices"][0]["logprobs"]["token_logprobs"].arrayValue)
      // The same tokens as a prompt.
      let (_, ids) = try await api.send("POST", "/tokenize", #"{"content": "Once"}"#)
      let prompt = try #require(ids["tokens"].arrayValue)
      let model = try api.models.model(nil, for: .completions).language
      var options = GenerationOptions()
      options.maxTokens = 6
      var generated: [JSONValue] = []
      for try await event in model.generate(tokens: prompt.compactMap(\.intValue), options: options) {
        if case .token(let token) = event { generated.append(.int(token.id)) }
      }
      for maxTokens in [0, 1] {
        let body: JSONObject = [
          "prompt": .array(prompt + generated), "max_tokens": .int(maxTokens), "temperature": 0, "logprobs": 2,
          "echo": true,
        ]
        let (status, echo) = try await api.send("POST", "/v1/completions", JSONValue.object(body).text())
        #expect(status == 200)
        let scores = try #require(echo["choices"][0]["logprobs"]["token_logprobs"].arrayValue)
        #expect(scores.count == prompt.count + generated.count + maxTokens && scores[0].isNull)
        for (score, token) in zip(scores.dropFirst(prompt.count), tokens) {
          #expect(abs(try #require(score.doubleValue) - #require(token.doubleValue)) < 1e-4)
        }
        let top = echo["choices"][0]["logprobs"]["top_logprobs"]
        for index in prompt.count..<scores.count {
          let best = try #require(top[index].objectValue?.members.compactMap { $0.value.doubleValue }.max())
          #expect(best == scores[index].doubleValue)
        }
      }
    }

    @Test("prompts are a text, texts, token ids or lists of them; each has its answers in order")
    func prompts() async throws {
      let api = try await ServerFixture.api()
      let ask = #""max_tokens": 3, "temperature": 0"#
      func texts(_ prompt: String, _ more: String = "") async throws -> [String] {
        let (status, answer) = try await api.send("POST", "/v1/completions", "{\"prompt\": \(prompt), \(ask)\(more)}")
        #expect(status == 200)
        let choices = answer["choices"].arrayValue ?? []
        #expect(choices.map { $0["index"].intValue } == choices.indices.map { $0 })
        return choices.compactMap { $0["text"].stringValue }
      }
      let (first, second) = (try await texts(#""Ab""#), try await texts(#""Cd""#))
      #expect(try await texts(#"["Ab", "Cd"]"#) == first + second)
      // The tokenizer's ids are bytes in the order of their alphabet: ! is 0 … or whatever it says.
      let (_, ids) = try await api.send("POST", "/tokenize", #"{"content": "Ab"}"#)
      #expect(try await texts(ids["tokens"].text()) == first)
      #expect(try await texts("[\(ids["tokens"].text()), \(ids["tokens"].text())]") == first + first)
      #expect(try await texts(#"["Ab", "Cd"]"#, #", "n": 2"#) == first + first + second + second)
      #expect(try await texts(#""Ab""#, #", "echo": true"#) == ["Ab" + first[0]])
    }

    @Test("of several answers the likeliest is given")
    func bestOf() async throws {
      let api = try await ServerFixture.api()
      let ask = #""prompt": "Ab", "max_tokens": 4, "temperature": 1.5, "seed": 9, "logprobs": 0"#
      func means(_ answer: JSONValue) throws -> [Double] {
        try #require(answer["choices"].arrayValue).map { choice in
          let values = try #require(choice["logprobs"]["token_logprobs"].arrayValue).compactMap(\.doubleValue)
          return values.reduce(0, +) / Double(max(1, values.count))
        }
      }
      let (_, all) = try await api.send("POST", "/v1/completions", "{\(ask), \"n\": 4}")
      let (_, best) = try await api.send("POST", "/v1/completions", "{\(ask), \"best_of\": 4}")
      let values = try means(all)
      #expect(values.count == 4 && Set(values).count > 1)
      #expect(try means(best) == [values.max() ?? 0])
    }

    @Test("tokens have the place of their text, in Unicode scalars; one within a character the character's")
    func places() async throws {
      let api = try await ServerFixture.api()
      let prompt = "a😀é"
      let (status, answer) = try await api.send(
        "POST", "/v1/completions",
        "{\"prompt\": \"\(prompt)\", \"max_tokens\": 0, \"echo\": true, \"logprobs\": 0}")
      #expect(status == 200)
      let logprobs = answer["choices"][0]["logprobs"]
      let places = try #require(logprobs["text_offset"].arrayValue).compactMap(\.intValue)
      let language = try api.models.model(nil, for: .completions).language
      let tokens = try language.tokenizer.encode(prompt)
      #expect(places.count == tokens.count)
      for (index, place) in places.enumerated() {
        let before = try language.tokenizer.decode(Array(tokens[..<index])).unicodeScalars.filter { $0 != "\u{FFFD}" }
        #expect(place == before.count)
      }
    }

    @Test("streamed usage counts each prompt once, whichever answer ends first")
    func usage() async throws {
      let api = try await ServerFixture.api()
      let long = String(repeating: "word ", count: 20)
      let ask = "\"prompt\": [\"\(long)\", \"x\"], \"n\": 2, \"max_tokens\": 12, \"stop\": \"e\""
      for seed in 0..<4 {
        let (_, whole) = try await api.send("POST", "/v1/completions", "{\(ask), \"seed\": \(seed)}")
        let chunks = try await api.stream(
          "/v1/completions",
          "{\(ask), \"seed\": \(seed), \"stream\": true, \"stream_options\": {\"include_usage\": true}}")
        #expect(chunks.last?["usage"]["prompt_tokens"] == whole["usage"]["prompt_tokens"])
        #expect(chunks.last?["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"])
      }
    }

    @Test("a bias of -100 forbids a token")
    func bias() async throws {
      let api = try await ServerFixture.api()
      let ask = #""prompt": "Ab", "max_tokens": 1, "temperature": 0, "logprobs": 1"#
      let (_, free) = try await api.send("POST", "/v1/completions", "{\(ask)}")
      let token = try #require(free["choices"][0]["logprobs"]["tokens"][0].stringValue)
      let language = try api.models.model(nil, for: .completions).language
      let id = try #require((0..<language.profile.vocabularySize).first { TokenTexts(language).text($0) == token })
      for bias in [#"{"\#(id)": -100}"#, "[[\(id), false]]"] {
        let (status, banned) = try await api.send("POST", "/v1/completions", "{\(ask), \"logit_bias\": \(bias)}")
        #expect(status == 200 && banned["choices"][0]["logprobs"]["tokens"][0].stringValue != token)
      }
    }

    @Test("vectors are the embedder's, as numbers and as bytes")
    func embeddings() async throws {
      let api = try await ServerFixture.api()
      let (status, floats) = try await api.send("POST", "/v1/embeddings", #"{"input": ["Ab", "Cd"]}"#)
      #expect(status == 200)
      let embedder = try #require(try api.models.model(nil, for: .embeddings).embedder)
      let vectors = try await embedder.embed(["Ab", "Cd"])
      for (index, vector) in vectors.enumerated() {
        let values = try #require(floats["data"][index]["embedding"].arrayValue).compactMap(\.doubleValue)
        #expect(values.map { Float($0) } == vector)
      }
      let (_, encoded) = try await api.send("POST", "/v1/embeddings", #"{"input": "Ab", "encoding_format": "base64"}"#)
      let text = try #require(encoded["data"][0]["embedding"].stringValue)
      let bytes = [UInt8](try #require(Data(base64Encoded: text)))
      #expect(bytes == vectors[0].flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } })
    }

    @Test("text goes to tokens and back")
    func tokens() async throws {
      let api = try await ServerFixture.api()
      let text = "Größe 日本 <|im_end|>"
      let body: JSONObject = ["content": .string(text), "with_pieces": true]
      let (_, ids) = try await api.send("POST", "/tokenize", JSONValue.object(body).text())
      let list = try #require(ids["tokens"].arrayValue)
      #expect(list.last?["piece"] == "<|im_end|>")
      let back: JSONObject = ["tokens": .array(list.map { $0["id"] })]
      let (_, decoded) = try await api.send("POST", "/detokenize", JSONValue.object(back).text())
      #expect(decoded["content"].stringValue == text)
    }
  }
}
