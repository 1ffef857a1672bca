#if Server
  import HummingbirdCore
  import Logging
  import NIOCore
  import NIOPosix

  /// A server that speaks OpenAI's interface.
  ///
  ///     let server = HTTPServer([ServedModel(names: ["tiny"], kind: .text(model, nil))])
  ///     try await server.run()
  public final class HTTPServer: Sendable {
    let api: API
    let bodies: BodyBudget
    private let server: Server<HTTP1Channel>

    /// - Parameters:
    ///   - models: each with names of its own.
    ///   - options: where it listens, who may call, and how much it takes.
    ///   - onListening: called with the port once requests can come.
    public convenience init(
      _ models: [ServedModel], options: ServerOptions = ServerOptions(),
      onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
      self.init(API(ModelList(models), options: options), onListening: onListening)
    }

    init(_ api: API, onListening: @escaping @Sendable (Int) -> Void = { _ in }) {
      self.api = api
      let (options, limits) = (api.options, api.options.limits)
      let bodies = BodyBudget(limit: limits.allBodyBytes)
      self.bodies = bodies
      let channel = HTTP1Channel(
        responder: { request, writer, channel in
          try await Responder(api: api, bodies: bodies, channel: channel).respond(to: request, writer)
        },
        configuration: .init(
          additionalChannelHandlers: [ConnectionGuard(limits)],
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
            maxHeaderFieldCount: limits.headerCount)))
      let silent = Logger(label: "tessera.http") { _ in SwiftLogNoOpLogHandler() }
      server = Server(
        childChannelSetup: channel,
        configuration: ServerConfiguration(
          address: .hostname(options.host, port: options.port),
          availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
        onServerRunning: { onListening($0.localAddress?.port ?? options.port) },
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: silent)
    }

    /// Serves until `drain` has ended, or the task is canceled, which ends all requests.
    ///
    /// - Throws: `ListenError` where the address cannot be had.
    public func run() async throws {
      do { try await server.run() } catch let error as IOError {
        throw ListenError(api.options, code: error.errnoCode)
      } catch let error as SocketAddressError {
        throw ListenError(api.options, "\(error)")
      }
    }

    /// Refuses new requests, waits for those that are being answered, and ends.
    public func drain() async {
      api.admission.drain()
      while api.admission.requests > 0, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
      try? await server.shutdownGracefully()
    }
  }
#endif
