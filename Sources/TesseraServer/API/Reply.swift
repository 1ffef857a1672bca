import TesseraJSON

/// What a request is answered with.
package struct Reply: Sendable {
  package var status = 200
  package var headers: [(name: String, value: String)] = []
  package var contentType = "application/json"
  package var body: Body

  package enum Body: Sendable {
    case bytes([UInt8])
    /// Events that are made while they are sent; how long that takes is the reader's affair.
    case events(@Sendable (any EventWriter) async throws -> Void)
  }

  package init(_ document: JSONValue, status: Int = 200) {
    body = .bytes(Array(document.text().utf8))
    self.status = status
  }

  package init(text: String, contentType: String) {
    body = .bytes(Array(text.utf8))
    self.contentType = contentType
  }

  package init(_ error: APIError) {
    self.init(error.document, status: error.status)
    if let seconds = error.retryAfter { headers.append(("retry-after", String(seconds))) }
    if let allow = error.allow { headers.append(("allow", allow)) }
    if error.status == 401 { headers.append(("www-authenticate", "Bearer")) }
  }

  /// Server-sent events. What fails behind the first of them is an event, too: `API.streaming`.
  package init(events: @escaping @Sendable (any EventWriter) async throws -> Void) {
    body = .events(events)
    contentType = "text/event-stream; charset=utf-8"
    headers = [("cache-control", "no-cache")]
  }
}

/// Where a reply's events go. Whoever writes waits until the reader has room, and gets `CancellationError` once it is gone.
package protocol EventWriter: Sendable {
  func write(_ text: String) async throws
}

extension EventWriter {
  /// One event of server-sent events.
  ///
  /// - Parameter name: of interfaces whose events have names.
  func send(_ document: JSONValue, event name: String? = nil) async throws {
    try await write((name.map { "event: \($0)\n" } ?? "") + "data: \(document.text())\n\n")
  }

  func sendDone() async throws { try await write("data: [DONE]\n\n") }
}
