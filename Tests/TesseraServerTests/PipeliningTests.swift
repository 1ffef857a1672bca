#if Server
  import Foundation
  import Testing

  @testable import TesseraServer

  extension ServerSuites {
    @Suite("Several requests at once")
    struct PipeliningTests {
      private static func ask(_ tokens: Int, streams: Bool, close: Bool = false) -> String {
        post(
          "/v1/completions",
          #"{"prompt": "Once", "max_tokens": \#(tokens), "temperature": 0, "ignore_eos": true, "stream": \#(streams)}"#,
          close: close)
      }

      private static func heads(_ text: String) -> [String] {
        text.components(separatedBy: "HTTP/1.1 ").dropFirst().map { String($0.prefix(3)) }
      }

      @Test("what is wrong with the next request comes behind the answer", .timeLimit(.minutes(60)))
      func badBody() async throws {
        try await HTTPServerTests.serving { server, port in
          let bad = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nwhat?\r\n"
          for isLater in [false, true] {
            let text = try await blocking {
              let client = try SocketClient(port: port)
              try client.send(Self.ask(200, streams: true) + (isLater ? "" : bad))
              let start = isLater ? try client.receive(until: "data: {") : ""
              if isLater { try client.send(bad) }
              return start + (try client.receiveAll())
            }
            #expect(Self.heads(text) == ["200", "400"])
            // The chunk that ends the answer, and then the next one's head.
            #expect(text.contains("data: [DONE]\n\n\r\n0\r\n\r\nHTTP/1.1 400 "))
            #expect(text.contains("invalid_http"))
          }
          #expect(try await HTTPServerTests.settled(server))
        }
      }

      @Test("a request whose last bytes come later has its time", .timeLimit(.minutes(60)))
      func lateRest() async throws {
        try await HTTPServerTests.serving { _, port in
          let text = try await blocking {
            let client = try SocketClient(port: port)
            let second = Self.ask(2, streams: false, close: true)
            try client.send(Self.ask(60, streams: false) + second.dropLast(5))
            let first = try client.receive(until: #""finish_reason":"length""#)
            Thread.sleep(forTimeInterval: 7)
            try client.send(String(second.suffix(5)))
            return first + (try client.receiveAll())
          }
          #expect(Self.heads(text) == ["200", "200"])
          #expect(text.components(separatedBy: #""finish_reason":"length""#).count == 3)
        }
      }

      @Test("the time between two requests does not run while one is answered", .timeLimit(.minutes(60)))
      func keepAlive() async throws {
        try await HTTPServerTests.serving({ $0.limits.keepAliveSeconds = 0 }) { _, port in
          let text = try await blocking {
            let client = try SocketClient(port: port)
            try client.send(
              Self.ask(2, streams: false) + Self.ask(200, streams: true) + Self.ask(2, streams: false))
            return try client.receiveAll()
          }
          #expect(Self.heads(text) == ["200", "200", "200"])
          #expect(text.contains("data: [DONE]"))
        }
      }

      @Test("requests of a client that sends no more are answered, and none behind the last", .timeLimit(.minutes(60)))
      func ends() async throws {
        try await HTTPServerTests.serving { server, port in
          let texts = try await blocking {
            let (first, second) = (try SocketClient(port: port), try SocketClient(port: port))
            try first.send(Self.ask(20, streams: true) + Self.ask(20, streams: false))
            first.endSending()
            try second.send(Self.ask(2, streams: false, close: true) + Self.ask(2, streams: false))
            return [try first.receiveAll(), try second.receiveAll()]
          }
          #expect(Self.heads(texts[0]).filter { $0 != "102" } == ["200", "200"])
          #expect(Self.heads(texts[1]) == ["200"])
          #expect(try await HTTPServerTests.settled(server))
        }
      }

      @Test("thousands that come at once are all answered, and leave nothing behind", .timeLimit(.minutes(60)))
      func many() async throws {
        try await HTTPServerTests.serving { server, port in
          let client = try SocketClient(port: port)
          try client.send(Self.ask(200, streams: true))
          _ = try await blocking { try client.receive(until: "data: {") }
          let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
          let text = try await blocking {
            try client.send(String(repeating: request, count: 2000))
            client.endSending()
            return try client.receiveAll()
          }
          #expect(text.contains("data: [DONE]"))
          #expect(text.components(separatedBy: #"{"status":"ok"}"#).count == 2001)
          #expect(try await HTTPServerTests.settled(server))
        }
      }

      @Test("of what is held beyond its limit whole requests are kept")
      func limit() {
        var held = HeldInput()
        for _ in 0..<10_000 {
          for part: HeldInput.Item in [
            .part(.head(.init(method: .get, scheme: nil, authority: nil, path: "/"))),
            .part(.body(.init())), .part(.end(nil)),
          ] {
            held.append(part)
          }
        }
        var (count, last) = (0, HeldInput.Item.end)
        while let item = held.popFirst() { (count, last) = (count + 1, item) }
        #expect(held.isFull && count == 16_383)
        guard case .part(.end) = last else {
          Issue.record("a request is not whole")
          return
        }
      }
    }
  }
#endif
