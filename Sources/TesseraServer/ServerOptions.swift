/// Where a server listens, who may use it, and how much it takes.
public struct ServerOptions: Sendable {
  /// An address or a name of this machine; the loopback address opens nothing to the network.
  public var host = "127.0.0.1"
  /// 0 lets the system choose one.
  public var port = 8080
  /// Who may call; empty: everybody who reaches the address.
  public var apiKeys: [String] = []
  /// The origin whose pages may call from a browser; `*` is any; nil: pages of this server alone.
  public var corsOrigin: String?
  /// Names by which the server may be called without a key, besides those of this machine.
  public var hostNames: [String] = []
  public var limits = Limits()

  public init() {}

  /// What a request may ask for, and a client may hold.
  public struct Limits: Sendable {
    /// Bytes of a request's body.
    public var bodyBytes = 32 << 20
    /// Bytes of all bodies that are held at once.
    public var allBodyBytes = 256 << 20
    /// Bytes of a request's header fields together.
    public var headerBytes = 32 << 10
    public var headerCount = 100
    /// Answers that run or wait at once; what is beyond is refused.
    public var answers = 256
    public var connections = 4096
    /// Answers to one prompt.
    public var choices = 16
    /// Prompts, texts or documents of one request.
    public var inputs = 2048
    public var stopStrings = 16
    /// Bytes of a stop string.
    public var stopBytes = 1024
    public var messages = 4096
    /// Values inside each other in a request's JSON text.
    public var nesting = 64
    /// All values of a request's JSON text.
    public var values = 1 << 20
    /// Seconds that a client may send nothing, or take nothing of what it is sent.
    public var idleSeconds = 60
    /// Seconds that a connection stays open between two requests.
    public var keepAliveSeconds = 75

    public init() {}
  }

  /// Whether only this machine can call.
  public var isLoopback: Bool { Self.isLoopback(host) }

  static func isLoopback(_ host: String) -> Bool {
    let name = host.lowercased()
    return name == "localhost" || name.hasSuffix(".localhost") || name == "::1" || name == "[::1]"
      || (name.hasPrefix("127.") && name.split(separator: ".").count == 4
        && name.allSatisfy { $0.isNumber || $0 == "." })
  }
}
