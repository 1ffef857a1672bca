#if Server
  import HTTPTypes
  import NIOCore
  import NIOHTTP1
  import NIOHTTPTypes

  /// Watches one connection: whoever sends or takes nothing for too long is disconnected, what is no HTTP is answered, and the
  /// work for a client that is gone ends.
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
    }

    private let limits: ServerOptions.Limits
    private var phase = Phase.head
    /// Whether the head of the answer has been written.
    private var isAnswered = false
    private var closesBehindAnswer = false
    private var isInputClosed = false
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
      switch unwrapInboundIn(data) {
      case .head:
        (phase, isAnswered, bodyStart, bodyBytes) = (.body, false, .now(), 0)
        wait(idle, context)
      case .body(let buffer): bodyBytes += buffer.readableBytes
      case .end:
        reading?.cancel()
        if phase == .rest { beginNext(context) } else { phase = .answer }
      }
      context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      guard error is HTTPParserError, phase != .answer, !isAnswered else {
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
        case .answer: probe(context)
        case .body, .rest:
          context.close(promise: nil)
          return
        case .head: break
        }
      }
      context.fireUserInboundEventTriggered(event)
    }

    /// The client sends no more: it may wait for the answer, or be gone. One that is gone resets the connection at the next byte.
    private func probe(_ context: ChannelHandlerContext) {
      guard !isAnswered else { return }
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
      if closesBehindAnswer || isInputClosed {
        context.close(promise: nil)
      } else {
        wait(.seconds(Int64(limits.keepAliveSeconds)), context)
      }
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
