import Foundation

/// Why a server cannot listen.
public struct ListenError: Error, CustomStringConvertible, Sendable {
  public let description: String

  init(_ options: ServerOptions, _ reason: String) {
    description = "\(options.host):\(options.port) cannot be listened on: \(reason)"
  }

  init(_ options: ServerOptions, code: Int32) {
    switch code {
    case EADDRINUSE: self.init(options, "another program does already; choose another port with --port")
    case EACCES: self.init(options, "ports under 1024 are the system's; choose another with --port")
    case EADDRNOTAVAIL: self.init(options, "this machine has no such address; see --host")
    default: self.init(options, String(cString: strerror(code)))
    }
  }
}
