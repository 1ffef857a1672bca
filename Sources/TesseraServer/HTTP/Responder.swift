#if Server
  import HTTPTypes
  import HummingbirdCore
  import NIOCore

  /// Answers the requests of one connection.
  struct Responder: Sendable {
    let api: API
    let bodies: BodyBudget
    let channel: any Channel

    func respond(to request: Request, _ writer: consuming ResponseWriter) async throws {
      var apiRequest = APIRequest(request.head)
      if let refusal = api.refusal(of: apiRequest) { return try await send(refusal, to: apiRequest, writer) }
      do { try api.admission.beginRequest() } catch { return try await send(Reply(error), to: apiRequest, writer) }
      defer { api.admission.endRequest() }
      let share = BodyBudget.Share(bodies)
      defer { withExtendedLifetime(share) {} }
      do {
        if request.headers[.expect]?.lowercased() == "100-continue" {
          try checkLength(apiRequest)
          try await writer.writeInformationalHead(HTTPResponse(status: .continue))
        }
        apiRequest.body = try await body(of: request, apiRequest, share)
      } catch let error as APIError {
        return try await send(Reply(error), to: apiRequest, writer)
      }
      let reply = try await whileConnected { [api, apiRequest] in try await api.reply(to: apiRequest) }
      try await send(reply, to: apiRequest, writer)
    }

    private func checkLength(_ request: APIRequest) throws(APIError) {
      let limit = api.options.limits.bodyBytes
      guard let length = request.headers["content-length"].flatMap({ Int($0) }), length > limit else { return }
      throw Self.tooLarge(limit)
    }

    private static func tooLarge(_ limit: Int) -> APIError {
      APIError(413, "The body is larger than \(limit) bytes: --max-body allows more.", code: "body_too_large")
    }

    private func body(of request: Request, _ apiRequest: APIRequest, _ share: BodyBudget.Share) async throws -> [UInt8]
    {
      try checkLength(apiRequest)
      let limit = api.options.limits.bodyBytes
      var bytes: [UInt8] = []
      for try await buffer in request.body {
        guard bytes.count + buffer.readableBytes <= limit else { throw Self.tooLarge(limit) }
        try share.take(buffer.readableBytes)
        bytes += buffer.readableBytesView
      }
      // A client that goes within its body ends it, too.
      if let length = apiRequest.headers["content-length"].flatMap({ Int($0) }), bytes.count < length {
        throw CancellationError()
      }
      return bytes
    }

    /// Runs work that ends when the client goes, or the server.
    private func whileConnected<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
      let task = Task { try await work() }
      do { try await channel.triggerUserOutboundEvent(ConnectionGuard.Watch { task.cancel() }) } catch {
        // A connection that is closed already has nobody who would watch it.
        task.cancel()
      }
      return try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    }

    // MARK: Sending

    private func send(_ reply: Reply, to request: APIRequest, _ writer: consuming ResponseWriter) async throws {
      api.metrics.count(Routes.isKnown(request.path) ? request.path : "other", status: reply.status)
      var head = HTTPResponse(status: .init(code: reply.status))
      head.headerFields[.contentType] = reply.contentType
      head.headerFields[.server] = "tessera"
      head.headerFields[.date] = HTTPDate.now
      for (name, value) in reply.headers + [("x-content-type-options", "nosniff")] {
        if let name = HTTPField.Name(name) { head.headerFields[name] = value }
      }
      if api.admission.isDraining { head.headerFields[.connection] = "close" }
      switch reply.body {
      case .bytes(let bytes):
        if reply.status != 204 { head.headerFields[.contentLength] = "\(bytes.count)" }
        let body =
          request.method == "HEAD" || bytes.isEmpty
          ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        try await writer.write(response: head, body: body)
      case .events(let events):
        let body = SocketWriter(writer: try await writer.writeHead(head))
        try await whileConnected { try await events(body) }
        try await body.finish()
      }
    }
  }

  extension APIRequest {
    init(_ head: HTTPRequest) {
      var headers: [String: String] = [:]
      for field in head.headerFields {
        let name = field.name.canonicalName
        headers[name] = headers[name].map { "\($0), \(field.value)" } ?? field.value
      }
      if let authority = head.authority { headers["host"] = authority }
      self.init(method: head.method.rawValue, path: head.path ?? "/", headers: headers)
    }
  }

  /// Where events go: the connection's socket.
  // Hummingbird's writer is a value around NIO's, which any task may use; its protocol does not say so.
  private struct SocketWriter: EventWriter, @unchecked Sendable {
    let writer: any ResponseBodyWriter

    func write(_ text: String) async throws {
      var writer = writer
      // What fails here is that nobody reads any more.
      do { try await writer.write(ByteBuffer(string: text)) } catch { throw CancellationError() }
    }

    func finish() async throws { try await writer.finish(nil) }
  }
#endif
