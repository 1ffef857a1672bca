#if Server
  import Foundation
  import TesseraJSON
  import TestSupport
  import Testing

  @testable import TesseraServer

  extension ServerSuites {
    @Suite("Sockets", .timeLimit(.minutes(60)))
    struct HTTPServerTests {
      /// A server that listens, for as long as `body` runs.
      static func serving(
        _ change: (inout ServerOptions) -> Void = { _ in }, _ body: (HTTPServer, Int) async throws -> Void
      ) async throws {
        let api = try await ServerFixture.api {
          $0.port = 0
          change(&$0)
        }
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = HTTPServer(api) { port.yield($0) }
        let task = Task { try await server.run() }
        for await port in ports {
          do { try await body(server, port) } catch {
            task.cancel()
            throw error
          }
          break
        }
        await server.drain()
        try await task.value
      }

      private static let story =
        #"{"prompt": "Once", "max_tokens": 200, "temperature": 1, "ignore_eos": true, "stream": true}"#

      /// Waits until nothing is left of requests.
      static func settled(_ server: HTTPServer) async throws -> Bool {
        try await becomes { server.api.admission.answers == 0 && server.api.admission.requests == 0 }
      }

      /// Waits until something holds: for as long as a machine may take that has much else to do.
      static func becomes(_ holds: () throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(600)
        while try !holds() {
          guard ContinuousClock.now < end else { return false }
          try await Task.sleep(for: .milliseconds(20))
        }
        return true
      }

      @Test("a connection serves one request after another, and streams events")
      func streaming() async throws {
        try await Self.serving { server, port in
          let text = try await blocking {
            let client = try SocketClient(port: port)
            try client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let health = try client.receive(until: #"{"status":"ok"}"#)
            try client.send(post("/v1/completions", #"{"prompt": "Ab", "max_tokens": 4, "stream": true}"#))
            return health + (try client.receiveAll())
          }
          #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
          #expect(text.contains("text/event-stream") && text.contains("data: [DONE]\n\n"))
          #expect(text.lowercased().contains("transfer-encoding: chunked"))
          #expect(try await Self.settled(server))
        }
      }

      @Test("whoever goes ends the work, also before anything was sent")
      func disconnect() async throws {
        try await Self.serving { server, port in
          // So many that some still run, on a slow machine too, when this test has been told of the first.
          let many = Self.story.dropLast() + #", "n": 16}"#
          for (body, isStreamed) in [
            (many, true), (many.replacing("\"stream\": true", with: "\"stream\": false"), false),
          ] {
            let client = try SocketClient(port: port)
            try client.send(post("/v1/completions", String(body)))
            if isStreamed { _ = try await blocking { try client.receive(until: "data: {") } }
            #expect(try await Self.becomes { server.api.admission.answers > 0 })
            client.reset()
            #expect(try await Self.settled(server))
          }
          // What ended so is no answer: those that are counted came to their own end.
          #expect(Self.finished(server) < 32)
          for model in server.api.metrics.snapshot.models.values {
            #expect(Set(model.finished.keys) == ["length"] && model.generatedTokens == 200 * Self.finished(server))
          }
        }
      }

      @Test("many who come, listen for a while and vanish leave nothing behind")
      func vanishing() async throws {
        try await Self.serving { server, port in
          let sockets = try Self.openSockets()
          try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
              group.addTask {
                try await blocking {
                  let client = try SocketClient(port: port)
                  let request = post("/v1/completions", Self.story)
                  switch number % 4 {
                  case 0: try client.send(String(request.prefix(10 + number)))
                  case 1: try client.send(request)
                  case 2:
                    try client.send(request)
                    _ = try client.receive(until: "data: {")
                  default:
                    try client.send(request)
                    _ = try client.receive(until: "data: {")
                    client.reset()
                  }
                }
              }
            }
            try await group.waitForAll()
          }
          #expect(try await Self.settled(server))
          let answer = try await blocking {
            let client = try SocketClient(port: port)
            try client.send(post("/v1/completions", #"{"prompt": "Ab", "max_tokens": 2}"#))
            return try client.receiveAll()
          }
          #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
          #expect(try await Self.becomes { try Self.openSockets() <= sockets })
        }
      }

      /// How many of the process's descriptors are sockets of IPv4: tests beside this one open and close files, and start commands.
      private static func openSockets() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { name in
          var (address, size) = (sockaddr(), socklen_t(MemoryLayout<sockaddr>.size))
          return Int32(name).map { getsockname($0, &address, &size) } == 0 && Int32(address.sa_family) == AF_INET
        }
      }

      @Test("a client that has sent all gets its answer")
      func halfClosed() async throws {
        try await Self.serving { _, port in
          let text = try await blocking {
            let client = try SocketClient(port: port)
            try client.send(
              post("/v1/completions", #"{"prompt": "Ab", "max_tokens": 2, "ignore_eos": true}"#, close: false))
            client.endSending()
            let old = try SocketClient(port: port)
            try old.send(
              post("/v1/completions", #"{"prompt": "Ab", "max_tokens": 2, "ignore_eos": true}"#, close: false)
                .replacingOccurrences(of: "HTTP/1.1", with: "HTTP/1.0"))
            old.endSending()
            return (try client.receiveAll(), try old.receiveAll())
          }
          for text in [text.0, text.1] {
            #expect(text.contains("HTTP/1.1 200 OK") && text.contains(#""finish_reason":"length""#))
          }
          // HTTP/1.0 knows no answers before the last one.
          #expect(text.0.components(separatedBy: "HTTP/1.1 102 ").count <= 2)
          #expect(text.1.hasPrefix("HTTP/1.1 200 OK"))
        }
      }

      @Test("what is no HTTP, too long or too large is answered")
      func malformed() async throws {
        try await Self.serving({ $0.limits.bodyBytes = 1000 }) { _, port in
          let long = String(repeating: "a", count: 40_000)
          let cases: [(text: String, status: Int)] = [
            ("what?\r\n\r\n", 400), ("GET / HTTP/1.1\r\nX: \(long)\r\n\r\n", 431),
            ("GET /\(long) HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
            (post("/v1/completions", String(repeating: " ", count: 2000)), 413),
            (
              "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n7d0\r\n\(long.prefix(2000))\r\n0\r\n\r\n", 413
            ),
            (post("/v1/completions", #"{"prompt": "\u0000x\ud800"}"#), 400),
          ]
          for item in cases {
            let text = try await blocking {
              let client = try SocketClient(port: port)
              try client.send(item.text)
              return try client.receiveAll()
            }
            #expect(text.hasPrefix("HTTP/1.1 \(item.status) "), "\(item.text.prefix(60))")
            #expect(text.contains(#"{"error":{"message":"#))
          }
        }
      }

      @Test("who sends nothing, or one byte now and then, is disconnected")
      func slow() async throws {
        try await Self.serving({ ($0.limits.idleSeconds, $0.limits.keepAliveSeconds) = (1, 3600) }) { _, port in
          let head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
          for (start, more, status) in [
            ("", "", ""), ("GET / HT", "", ""), (head, "a", ""), (head + "\r\n{", " ", "HTTP/1.1 408 "),
          ] {
            let (text, time) = try await blocking {
              // On threads that share nothing with other tests.
              let begin = ContinuousClock.now
              let client = try SocketClient(port: port)
              try client.send(start)
              // For as long as anybody listens.
              Thread.detachNewThread {
                while !more.isEmpty, (try? client.send(more)) != nil { Thread.sleep(forTimeInterval: 0.2) }
              }
              return (try client.receiveAll(), ContinuousClock.now - begin)
            }
            #expect(text.hasPrefix(status) && text.isEmpty == status.isEmpty)
            #expect(time < .seconds(45))
          }
        }
      }

      @Test("a server that ends finishes what runs, and refuses what comes")
      func draining() async throws {
        let whole = try await ServerFixture.api().send(
          "POST", "/v1/completions", #"{"prompt": "Once", "max_tokens": 200, "temperature": 0}"#)
        let text = try #require(whole.document["choices"][0]["text"].stringValue)
        try await Self.serving { server, port in
          let (first, second) = (try SocketClient(port: port), try SocketClient(port: port))
          try first.send(
            post("/v1/completions", #"{"prompt": "Once", "max_tokens": 200, "temperature": 0, "stream": true}"#))
          let begun = try await blocking { try first.receive(until: "data: {") }
          server.api.admission.drain()
          try second.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
          #expect(try await blocking { try second.receiveAll() }.hasPrefix("HTTP/1.1 503 "))
          let all = begun + (try await blocking { try first.receiveAll() })
          #expect(all.contains("data: [DONE]"))
          let lines = all.replacingOccurrences(of: "\r\n", with: "\n").components(separatedBy: "\n")
          let events = lines.filter { $0.hasPrefix("data: {") }
          let streamed = try events.map { event in
            try JSONValue(parsing: String(event.dropFirst(6)), options: .request)["choices"][0]["text"].stringValue
              ?? ""
          }
          #expect(streamed.joined() == text)
        }
      }

      /// A client that asks for 7 MB and reads nothing. Its own socket holds some thousand bytes, the server's four megabytes
      /// (`net.ipv4.tcp_wmem`).
      private static func slowReader(_ server: HTTPServer, port: Int) async throws -> SocketClient {
        let slow = try SocketClient(port: port, receiveBytes: 4096)
        try slow.send(post("/v1/completions", String(story.dropLast() + #", "logprobs": 20, "n": 32}"#)))
        #expect(try await becomes { server.api.admission.answers > 0 })
        return slow
      }

      private static func finished(_ server: HTTPServer) -> Int {
        server.api.metrics.snapshot.models.values.flatMap { $0.finished.values }.reduce(0, +)
      }

      @Test("a reader that takes nothing holds up nobody else")
      func slowBesideOther() async throws {
        try await Self.serving({ ($0.limits.idleSeconds, $0.limits.choices) = (3600, 32) }) { server, port in
          var slow: SocketClient? = try await Self.slowReader(server, port: port)
          let other = try await blocking {
            let client = try SocketClient(port: port)
            try client.send(post("/v1/completions", #"{"prompt": "Ab", "max_tokens": 8}"#))
            return try client.receiveAll()
          }
          #expect(other.hasPrefix("HTTP/1.1 200 OK"))
          #expect(slow != nil && server.api.admission.answers >= 32)
          // Closed with something unread: a reset.
          slow = nil
          #expect(try await Self.settled(server))
        }
      }

      @Test("a reader that takes nothing is disconnected in the end")
      func slowAlone() async throws {
        try await Self.serving({ ($0.limits.idleSeconds, $0.limits.choices) = (2, 32) }) { server, port in
          let slow = try await Self.slowReader(server, port: port)
          #expect(try await Self.settled(server))
          // Not all of its answers came to their end.
          #expect(Self.finished(server) < 32)
          withExtendedLifetime(slow) {}
        }
      }

      @Test("a port that another has is an error that says so")
      func portInUse() async throws {
        try await Self.serving { _, port in
          let api = try await ServerFixture.api { $0.port = port }
          let error = await #expect(throws: ListenError.self) { try await HTTPServer(api).run() }
          #expect(error?.description.contains("another program") == true)
        }
      }
    }
  }
#endif
