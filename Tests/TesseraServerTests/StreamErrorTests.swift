import Tessera
import TesseraJSON
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Errors within streams")
  struct StreamErrorTests {
    @Test("what fails within a stream names the field that its prompt comes from")
    func param() async throws {
      let api = try await ServerFixture.api()
      let reply = api.stream(param: "prompt") { writer in
        try await writer.send(["a": 1])
        throw TesseraError(.contextFull, "no text")
      }
      let events = try await reply.text.components(separatedBy: "\n\n")
      #expect(events.count == 4 && events[0] == #"data: {"a":1}"# && events[2] == "data: [DONE]")
      let document = try JSONValue(parsing: String(events[1].dropFirst(6)), options: .request)
      #expect(document["error"]["param"] == "prompt" && document["error"]["message"] == "no text")
      // Nobody is told where nobody reads.
      let gone = api.stream(param: "prompt") { _ in throw CancellationError() }
      await #expect(throws: CancellationError.self) { try await gone.text }
    }

    @Test("a response's error is an event of its own form")
    func response() async throws {
      let api = try await ServerFixture.api()
      let fields = try RequestFields(Array(#"{"input": "a", "stream": true}"#.utf8), limits: api.options.limits)
      let form = ResponseForm(try await ResponsesRequest(fields, api))
      #expect(form.request.generation.param == "input")
      let reply = Reply { writer in
        let events = ResponseEvents(form, writer)
        try await events.begin()
        try await events.fail(.invalid("input", "it ends"))
      }
      let events = try await reply.text.components(separatedBy: "\n\n").dropLast()
      #expect(
        events.dropLast().last == "event: error\ndata: "
          + #"{"type":"error","sequence_number":2,"code":"invalid_value","message":"it ends","param":"input"}"#)
      let last = try #require(events.last?.components(separatedBy: "\ndata: "))
      #expect(last[0] == "event: response.failed")
      let document = try JSONValue(parsing: last[1], options: .request)
      #expect(document["type"] == "response.failed" && document["sequence_number"] == 3)
      #expect(document["response"]["status"] == "failed" && document["response"]["output"] == [])
      #expect(document["response"]["error"] == ["code": "invalid_prompt", "message": "it ends"])
    }
  }
}
