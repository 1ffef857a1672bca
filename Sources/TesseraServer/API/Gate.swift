import Crypto
import Foundation
import TesseraSystem

/// Who may call: whoever has a key, and no page of another site that a browser of this machine shows.
struct Gate: Sendable {
  private let keys: [SHA256.Digest]
  private let corsOrigin: String?
  private let hostNames: Set<String>
  private let isLoopback: Bool

  init(_ options: ServerOptions) {
    keys = Set(options.apiKeys).map { SHA256.hash(data: Data($0.utf8)) }
    corsOrigin = options.corsOrigin
    isLoopback = options.isLoopback
    hostNames = Set(options.hostNames.map { $0.lowercased() } + (options.isLoopback ? [] : Self.ownNames(options)))
  }

  /// Paths that need no key: what a browser or a watchdog asks for before it has one.
  private static let open: Set<String> = ["/", "/health", "/favicon.ico", "/openapi.json"]

  /// - Throws: 401, 403, or 421 for a name that is not this machine's.
  func check(_ request: APIRequest) throws(APIError) {
    try checkHost(request)
    try checkOrigin(request)
    guard !keys.isEmpty, !Self.open.contains(request.path), request.method != "OPTIONS" else { return }
    guard let key = Self.key(request), isKnown(key) else {
      throw APIError(
        401,
        Self.key(request) == nil
          ? "An API key is needed: send it as 'Authorization: Bearer KEY'." : "The API key is not known.",
        type: "authentication_error", code: "invalid_api_key")
    }
  }

  /// Tells a caller from others, who shall learn nothing of its prompts, not even by how fast theirs are read; nil where all
  /// have the same key, or none.
  func scope(of request: APIRequest) -> String? {
    guard keys.count > 1, let key = Self.key(request) else { return nil }
    return TesseraSystem.Fingerprint(key.utf8).hexadecimal
  }

  private static func key(_ request: APIRequest) -> String? {
    if let value = request.headers["authorization"] {
      let parts = value.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
      return parts[1].trimmingCharacters(in: .whitespaces)
    }
    return request.headers["x-api-key"]
  }

  /// Compares with all keys, each in constant time, so that the time tells nothing of them.
  private func isKnown(_ key: String) -> Bool {
    let given = SHA256.hash(data: Data(key.utf8))
    var isFound: UInt8 = 0
    for known in keys {
      var difference: UInt8 = 0
      for (a, b) in zip(known, given) { difference |= a ^ b }
      isFound |= difference == 0 ? 1 : 0
    }
    return isFound == 1
  }

  /// A page of another site could make its own name lead to this machine ("DNS rebinding").
  private func checkHost(_ request: APIRequest) throws(APIError) {
    // A key is proof enough.
    guard keys.isEmpty, let host = request.headers["host"] else { return }
    let name = Self.name(ofHost: host)
    // No name leads to an address that is written out.
    guard !ServerOptions.isLoopback(name), !hostNames.contains(name), isLoopback || !Self.isAddress(name) else {
      return
    }
    throw APIError(
      421,
      "This server \(isLoopback ? "listens for this machine alone, and " : "")is not known as '\(name.prefix(100))': "
        + "--host-name adds a name.", code: "unknown_host")
  }

  /// Names that the network has for this machine.
  private static func ownNames(_ options: ServerOptions) -> [String] {
    let name = ProcessInfo.processInfo.hostName.lowercased()
    let short = String(name.prefix { $0 != "." })
    return [options.host.lowercased(), name, short, short + ".local"]
  }

  private static func isAddress(_ name: String) -> Bool {
    var address = in6_addr()
    guard name.hasPrefix("["), name.hasSuffix("]") else { return inet_pton(AF_INET, name, &address) == 1 }
    return inet_pton(AF_INET6, String(name.dropFirst().dropLast().prefix { $0 != "%" }), &address) == 1
  }

  static func name(ofHost host: String) -> String {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return host[...end].lowercased() }
    return host.prefix { $0 != ":" }.lowercased()
  }

  /// A page of another site may send simple requests to any address, without being allowed to read the answer.
  private func checkOrigin(_ request: APIRequest) throws(APIError) {
    guard let origin = request.headers["origin"], !isOwn(origin, request), !isAllowed(origin) else { return }
    throw APIError(
      403, "Pages of '\(origin.prefix(100))' may not call this server: --cors allows an origin.",
      code: "origin_not_allowed")
  }

  private func isOwn(_ origin: String, _ request: APIRequest) -> Bool {
    guard let host = request.headers["host"], let scheme = origin.range(of: "://") else { return false }
    return origin[scheme.upperBound...].lowercased() == host.lowercased()
  }

  private func isAllowed(_ origin: String) -> Bool { corsOrigin.map { $0 == "*" || $0 == origin } ?? false }

  /// What a browser needs so that a page of an allowed origin may read the answer.
  func corsHeaders(_ request: APIRequest) -> [(name: String, value: String)] {
    guard let origin = request.headers["origin"], isAllowed(origin), let corsOrigin else { return [] }
    var headers = [("access-control-allow-origin", corsOrigin == "*" ? "*" : origin)]
    if corsOrigin != "*" { headers.append(("vary", "Origin")) }
    if request.method == "OPTIONS" {
      headers += [
        ("access-control-allow-methods", "GET, POST, OPTIONS"),
        ("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "content-type"),
        ("access-control-max-age", "600"),
      ]
    }
    return headers
  }
}
