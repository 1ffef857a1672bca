import TesseraJSON
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Keys and what the cache has")
  struct ScopeTests {
    private func cached(_ api: API, _ key: String, _ prompt: String, _ more: String = "") async throws -> Int {
      let body = "{\"prompt\": \"\(prompt)\", \"max_tokens\": 1\(more)}"
      let (status, answer) = try await api.send(
        "POST", "/v1/completions", body, headers: ["authorization": "Bearer \(key)"])
      #expect(status == 200, "\(answer.text())")
      return try #require(answer["usage"]["prompt_tokens_details"]["cached_tokens"].intValue)
    }

    @Test("a prompt's beginning is found by callers of the same key alone")
    func keys() async throws {
      let api = try await ServerFixture.api { $0.apiKeys = ["left", "right"] }
      let prompt = String(repeating: "scope of keys ", count: 12)
      #expect(try await cached(api, "left", prompt) == 0)
      #expect(try await cached(api, "left", prompt) >= 128)
      #expect(try await cached(api, "right", prompt) == 0)
      #expect(try await cached(api, "right", prompt) >= 128)
      // Nor does a salt lead to what another caller has.
      #expect(try await cached(api, "right", prompt, #", "cache_salt": "left""#) == 0)
      #expect(try await cached(api, "right", prompt, #", "cache_salt": "left""#) >= 128)
      #expect(try await cached(api, "left", prompt, #", "cache_salt": "left""#) == 0)
    }

    @Test("with one key, or none, all share", arguments: [[], ["left"], ["left", "left"]])
    func alone(keys: [String]) async throws {
      let api = try await ServerFixture.api { $0.apiKeys = keys }
      let prompt = String(repeating: "all share this ", count: 12)
      _ = try await cached(api, "left", prompt)
      #expect(try await cached(api, "left", prompt) >= 128)
      let request = APIRequest(method: "POST", path: "/", headers: ["x-api-key": "left"])
      #expect(api.gate.scope(of: request) == nil)
    }
  }
}
