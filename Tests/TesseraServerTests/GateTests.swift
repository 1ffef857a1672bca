import Foundation
import TesseraJSON
import Testing

@testable import TesseraServer

@Suite("Who may call")
struct GateTests {
  private func status(_ headers: [String: String], path: String = "/v1/models", _ change: (inout ServerOptions) -> Void)
    -> Int
  {
    var options = ServerOptions()
    change(&options)
    let request = APIRequest(method: "GET", path: path, headers: headers)
    return API(ModelList([]), options: options).refusal(of: request)?.status ?? 200
  }

  @Test("a key is asked for where there are any")
  func keys() {
    let keys: (inout ServerOptions) -> Void = { $0.apiKeys = ["one", "two"] }
    #expect(status([:], keys) == 401)
    #expect(status(["authorization": "Bearer three"], keys) == 401)
    #expect(status(["authorization": "Bearer "], keys) == 401)
    #expect(status(["authorization": "Basic one"], keys) == 401)
    for key in ["one", "two"] {
      #expect(status(["authorization": "Bearer \(key)"], keys) == 200)
      #expect(status(["authorization": "bearer  \(key) "], keys) == 200)
      #expect(status(["x-api-key": key], keys) == 200)
    }
    #expect(status([:], path: "/health", keys) == 200)
    #expect(status([:], path: "/", keys) == 200)
    #expect(status([:], path: "/metrics", keys) == 401)
    #expect(status([:]) { _ in } == 200)
  }

  @Test("names that are not this machine's are refused where it alone may call")
  func hosts() {
    for name in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST", "127.1.2.3"] {
      #expect(status(["host": name]) { _ in } == 200, "\(name)")
    }
    for name in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "192.168.0.2"] {
      #expect(status(["host": name]) { _ in } == 421, "\(name)")
      #expect(status(["host": name, "x-api-key": "k"]) { $0.apiKeys = ["k"] } == 200)
    }
    #expect(status(["host": "proxy.example"]) { $0.hostNames = ["proxy.example"] } == 200)
  }

  @Test("so are they where others may call without keys, but not addresses and the machine's own name")
  func hostsOfNetwork() {
    let change: (inout ServerOptions) -> Void = { ($0.host, $0.hostNames) = ("0.0.0.0", ["Proxy.example"]) }
    for name in ["evil.example", "192.168.0.2.evil.example:8080", "1.2.3", "[evil.example]", "[fe80", "0x7f000001", ""]
    {
      #expect(status(["host": name], change) == 421, "\(name)")
      #expect(status(["host": name, "x-api-key": "k"]) { ($0.host, $0.apiKeys) = ("0.0.0.0", ["k"]) } == 200)
    }
    let own = ProcessInfo.processInfo.hostName
    for name in [
      "192.168.0.2:8080", "[fe80::1]:8080", "localhost", "proxy.example:80", own, "\(own.uppercased()):8080",
    ] {
      #expect(status(["host": name], change) == 200, "\(name)")
    }
    #expect(status(["host": "inner.example:8080"]) { $0.host = "inner.example" } == 200)
    #expect(status([:], change) == 200)
  }

  @Test("pages of other sites may not call, unless they are allowed to")
  func origins() {
    let own = ["host": "localhost:8080", "origin": "http://localhost:8080"]
    #expect(status(own) { _ in } == 200)
    let other = ["host": "localhost:8080", "origin": "http://other.example"]
    #expect(status(other) { _ in } == 403)
    #expect(status(["host": "localhost:8080", "origin": "null"]) { _ in } == 403)
    #expect(status(other) { $0.corsOrigin = "http://third.example" } == 403)
    #expect(status(other) { $0.corsOrigin = "http://other.example" } == 200)
    #expect(status(other) { $0.corsOrigin = "*" } == 200)
    // A browser that is not allowed to read gets no header that lets it.
    var options = ServerOptions()
    #expect(Gate(options).corsHeaders(APIRequest(method: "GET", path: "/", headers: other)).isEmpty)
    options.corsOrigin = "http://other.example"
    let headers = Gate(options).corsHeaders(APIRequest(method: "OPTIONS", path: "/", headers: other))
    #expect(headers.contains { $0 == ("access-control-allow-origin", "http://other.example") })
    #expect(headers.contains { $0.name == "access-control-allow-methods" })
  }

  @Test("a body must be what the path reads")
  func mediaTypes() {
    func status(_ path: String, _ type: String?) -> Int {
      let request = APIRequest(method: "POST", path: path, headers: type.map { ["content-type": $0] } ?? [:])
      return API(ModelList([])).refusal(of: request)?.status ?? 200
    }
    #expect(status("/v1/completions", "application/json; charset=utf-8") == 200)
    #expect(status("/v1/completions", "Application/JSON") == 200)
    #expect(status("/v1/completions", nil) == 200)
    #expect(status("/v1/completions", "text/plain") == 415)
    #expect(status("/v1/completions", "application/x-www-form-urlencoded") == 415)
    #expect(status("/v1/audio/transcriptions", "multipart/form-data; boundary=x") == 200)
    #expect(status("/v1/audio/transcriptions", "application/json") == 415)
    #expect(status("/v1/audio/transcriptions", nil) == 415)
  }
}
