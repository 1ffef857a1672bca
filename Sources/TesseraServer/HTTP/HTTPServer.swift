#if Server
  import HummingbirdCore
  import Logging
  import NIOCore
  import NIOPosix

  /// The sockets of a server.
  package final class HTTPServer: Sendable {
    let api: API
    let bodies: BodyBudget
    private let server: Server<HTTP1Channel>

    /// - Parameter onListening: called with the port once requests can come.
    package init(_ api: API, onListening: @escaping @Sendable (Int) -> Void = { _ in }) {
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
    package func run() async throws {
      do { try await server.run() } catch let error as IOError {
        throw ListenError(api.options, code: error.errnoCode)
      } catch let error as SocketAddressError {
        throw ListenError(api.options, "\(error)")
      }
    }

    /// Refuses new requests, waits for those that are being answered, and ends.
    package func drain() async {
      api.admission.drain()
      while api.admission.requests > 0, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
      try? await server.shutdownGracefully()
    }
  }
#endif
