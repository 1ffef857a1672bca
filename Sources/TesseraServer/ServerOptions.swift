/// Where a server listens, who may use it, and how much it takes.
package struct ServerOptions: Sendable {
  /// An address or a name of this machine; the loopback address opens nothing to the network.
  package var host = "127.0.0.1"
  /// 0 lets the system choose one.
  package var port = 8080
  /// Who may call; empty: everybody who reaches the address.
  package var apiKeys: [String] = []
  /// The origin whose pages may call from a browser; `*` is any; nil: pages of this server alone.
  package var corsOrigin: String?
  /// Names by which the server may be called, besides those of this machine, where it listens on the loopback address.
  package var hostNames: [String] = []
  package var limits = Limits()

  package init() {}

  /// What a request may ask for, and a client may hold.
  package struct Limits: Sendable {
    /// Bytes of a request's body.
    package var bodyBytes = 32 << 20
    /// Bytes of all bodies that are held at once.
    package var allBodyBytes = 256 << 20
    /// Bytes of a request's header fields together.
    package var headerBytes = 32 << 10
    package var headerCount = 100
    /// Answers that run or wait at once; what is beyond is refused.
    package var answers = 256
    package var connections = 4096
    /// Answers to one prompt.
    package var choices = 16
    /// Prompts, texts or documents of one request.
    package var inputs = 2048
    package var stopStrings = 16
    /// Bytes of a stop string.
    package var stopBytes = 1024
    package var messages = 4096
    /// Values inside each other in a request's JSON text.
    package var nesting = 64
    /// All values of a request's JSON text.
    package var values = 1 << 20
    /// Seconds that a client may send nothing, or take nothing of what it is sent.
    package var idleSeconds = 60
    /// Seconds that a connection stays open between two requests.
    package var keepAliveSeconds = 75

    package init() {}
  }

  /// Whether only this machine can call.
  package var isLoopback: Bool { Self.isLoopback(host) }

  static func isLoopback(_ host: String) -> Bool {
    let name = host.lowercased()
    return name == "localhost" || name.hasSuffix(".localhost") || name == "::1" || name == "[::1]"
      || (name.hasPrefix("127.") && name.split(separator: ".").count == 4 && name.allSatisfy { $0.isNumber || $0 == "." })
  }
}
