#if Server
  import HTTPTypes
  import NIOCore
  import NIOHTTP1
  import NIOHTTPTypes

  /// Watches one connection: whoever sends or takes nothing for too long is disconnected, what is no HTTP is answered, and the
  /// work for a client that is gone ends. Of several requests at once each waits until the one before it is answered.
  final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Sent through the pipeline by whoever works for the client: what is called once that is gone.
    struct Watch: Sendable {
      let onDisconnect: @Sendable () -> Void
    }

    private enum Phase {
      /// Between two requests, or within the head of one.
      case head
      /// A request's body comes.
      case body
      /// A request is answered.
      case answer
      /// It was answered before all of its body had come.
      case rest
      /// The last request is answered: what comes now is dropped until the client closes.
      case over
    }

    private let limits: ServerOptions.Limits
    private var phase = Phase.head
    /// Whether the head of the answer has been written.
    private var isAnswered = false
    private var closesBehindAnswer = false
    /// Whether the request says that none follows it.
    private var isLast = false
    private var isInputClosed = false
    private var isProbed = false
    private let version = VersionReader()
    private var held = HeldInput()
    private var isReadHeld = false
    private var onDisconnect: (@Sendable () -> Void)?
    private var reading: Scheduled<Void>?
    private var writing: Scheduled<Void>?
    private var bodyStart = NIODeadline.now()
    private var bodyBytes = 0

    /// Bytes a second that a body must bring at least, behind the time that each client has.
    private static let leastRate = 4096
    /// How long the rest of a refused body is read, so that its client can read why.
    private static let restTime = TimeAmount.seconds(5)

    init(_ limits: ServerOptions.Limits) { self.limits = limits }

    private var idle: TimeAmount { .seconds(Int64(limits.idleSeconds)) }

    // MARK: Inbound

    func handlerAdded(context: ChannelHandlerContext) {
      let pipeline = context.pipeline.syncOperations
      if let decoder = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self) {
        try? pipeline.addHandler(version, position: .after(decoder))
      }
      if context.channel.isActive { wait(idle, context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelActive(context: ChannelHandlerContext) {
      wait(idle, context)
      context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
      end()
      context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let part = unwrapInboundIn(data)
      if holds { held.append(.part(part)) } else { take(part, context) }
    }

    /// Whether what comes belongs to a later request than the one that is answered.
    private var holds: Bool { phase == .answer || !held.isEmpty }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
      guard phase != .over else { return }
      switch part {
      case .head(let head):
        (phase, isAnswered, isProbed, bodyStart, bodyBytes) = (.body, false, false, .now(), 0)
        isLast = head.headerFields[.connection]?.lowercased() == "close"
        wait(idle, context)
      case .body(let buffer): bodyBytes += buffer.readableBytes
      case .end:
        reading?.cancel()
        if phase == .body { phase = .answer }
      }
      context.fireChannelRead(wrapInboundOut(part))
      if case .end = part, phase == .rest { beginNext(context) }
    }

    /// Nothing is read while a request is answered; an end of the connection is noticed all the same.
    func read(context: ChannelHandlerContext) {
      if holds { isReadHeld = true } else { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      let isOfSocket = error is IOError || error is ChannelError
      if holds && !isOfSocket { held.append(.error(error)) } else { fail(error, context) }
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
      guard error is HTTPParserError, phase == .head || phase == .body, !isAnswered || phase == .head else {
        context.close(promise: nil)
        return
      }
      let isTooLong = if case .headerOverflow? = error as? HTTPParserError { true } else { false }
      refuse(
        isTooLong
          ? APIError(
            431, "The header fields are too long: \(limits.headerBytes) bytes are read.", code: "headers_too_long")
          : APIError(400, "The request is no HTTP.", code: "invalid_http"), context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if let event = event as? ChannelEvent, event == .inputClosed {
        isInputClosed = true
        switch phase {
        case .answer:
          probe(context)
          // Requests that are held come first.
          if !held.isEmpty { return held.append(.end) }
        case .body, .rest, .over:
          context.close(promise: nil)
          return
        case .head: break
        }
      }
      context.fireUserInboundEventTriggered(event)
    }

    /// The client sends no more: it may wait for the answer, or be gone. One that is gone resets the connection at the next byte.
    private func probe(_ context: ChannelHandlerContext) {
      guard !isAnswered, !isProbed, version.takesInformation else { return }
      isProbed = true
      context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .init(code: 102)))), promise: nil)
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
      switch unwrapOutboundIn(data) {
      case .head(let head) where head.status.kind != .informational:
        isAnswered = true
        closesBehindAnswer = head.headerFields[.connection] == "close"
      case .head, .body: break
      case .end:
        onDisconnect = nil
        context.writeAndFlush(data, promise: promise)
        if closesBehindAnswer && phase == .answer {
          context.close(promise: nil)
        } else if phase == .answer {
          beginNext(context)
        } else {
          phase = .rest
          wait(Self.restTime, context)
        }
        return
      }
      context.write(data, promise: promise)
    }

    private func beginNext(_ context: ChannelHandlerContext) {
      phase = .head
      if closesBehindAnswer { return context.close(promise: nil) }
      if isLast { return endOutput(context) }
      wait(.seconds(Int64(limits.keepAliveSeconds)), context)
      var hasTaken = false
      while phase != .answer, let item = held.popFirst() {
        switch item {
        case .part(let part):
          hasTaken = true
          take(part, context)
        case .error(let error): fail(error, context)
        case .end: context.close(promise: nil)
        }
      }
      if hasTaken { context.fireChannelReadComplete() }
      if phase == .head, held.isFull { return endOutput(context) }
      if phase == .head, isInputClosed { return context.close(promise: nil) }
      if !holds, isReadHeld {
        isReadHeld = false
        context.read()
      }
    }

    /// Closes gently: a socket that is closed with something unread in it takes back what it has sent.
    private func endOutput(_ context: ChannelHandlerContext) {
      phase = .over
      held.removeAll()
      // It may still be sent.
      wait(.seconds(Int64(limits.keepAliveSeconds)), context)
      context.close(mode: .output, promise: nil)
      context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
      writing?.cancel()
      if !context.channel.isWritable {
        // Nothing of what is sent is taken.
        writing = context.eventLoop.assumeIsolated().scheduleTask(in: idle) { context.close(promise: nil) }
      }
      context.fireChannelWritabilityChanged()
    }

    func triggerUserOutboundEvent(
      context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
      guard let watch = event as? Watch else {
        return context.triggerUserOutboundEvent(event, promise: promise)
      }
      onDisconnect = watch.onDisconnect
      promise?.succeed()
      // It may have gone before anybody watched.
      if !context.channel.isActive { end() } else if isInputClosed, phase == .answer { probe(context) }
    }

    // MARK: Ends

    private func end() {
      reading?.cancel()
      writing?.cancel()
      (reading, writing) = (nil, nil)
      held.removeAll()
      onDisconnect?()
      onDisconnect = nil
    }

    private func wait(_ time: TimeAmount, _ context: ChannelHandlerContext) {
      reading?.cancel()
      reading = context.eventLoop.assumeIsolated().scheduleTask(in: time) { self.timeOut(context) }
    }

    private func timeOut(_ context: ChannelHandlerContext) {
      guard phase == .body else { return context.close(promise: nil) }
      // A body has longer, the more of it has come.
      let deadline = bodyStart + idle + .seconds(Int64(bodyBytes / Self.leastRate))
      guard deadline <= .now() else { return wait(deadline - .now(), context) }
      guard !isAnswered else { return context.close(promise: nil) }
      refuse(APIError(408, "The request's body did not come in time.", code: "request_timeout"), context)
    }

    /// Answers what never reaches the server, and closes the connection.
    private func refuse(_ error: APIError, _ context: ChannelHandlerContext) {
      isAnswered = true
      let text = error.document.text()
      let fields: HTTPFields = [
        .contentType: "application/json", .contentLength: "\(text.utf8.count)", .connection: "close",
      ]
      let head = HTTPResponse(status: .init(code: error.status), headerFields: fields)
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      context.write(wrapOutboundOut(.body(ByteBuffer(string: text))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      context.close(promise: nil)
    }
  }
#endif
