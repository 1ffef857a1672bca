#if Server
  import NIOCore
  import NIOHTTP1

  /// Notes which version of HTTP a client speaks, which later handlers are not told.
  final class VersionReader: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    /// Whether it takes answers like "102 Processing" before the last one.
    private(set) var takesInformation = true

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      if case .head(let head) = unwrapInboundIn(data), head.version != .http1_1 { takesInformation = false }
      context.fireChannelRead(data)
    }
  }
#endif
