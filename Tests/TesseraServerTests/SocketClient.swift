import Foundation

/// A connection that says exactly what it is told to.
final class SocketClient: Sendable {
  private let descriptor: Int32

  struct Failure: Error {
    let call: String
    let code: Int32
  }

  /// - Parameter receiveBytes: how much may come before it is read, or as much as the system likes
  init(port: Int, receiveBytes: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
    if var receiveBytes {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      close(descriptor)
      throw Failure(call: "connect", code: code)
    }
    // A test that waits for what never comes ends.
    var limit = timeval(tv_sec: 600, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Failure(call: "send", code: errno) }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Says that nothing more will be sent.
  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with a reset, as a process that ends does.
  func reset() {
    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// What comes next; nothing at the end.
  func receive(_ limit: Int = 65_536) throws -> String {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    guard count >= 0 else { throw Failure(call: "recv", code: errno) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Reads until a text has come, or to the end.
  func receive(until text: String) throws -> String {
    var all = ""
    while !all.contains(text) {
      let part = try receive()
      if part.isEmpty { break }
      all += part
    }
    return all
  }

  /// All up to the end of the connection.
  func receiveAll() throws -> String {
    var all = ""
    while true {
      let part: String
      // A reset is an end, too.
      do { part = try receive() } catch let error as Failure where error.code == ECONNRESET { return all }
      if part.isEmpty { return all }
      all += part
    }
  }
}

/// Runs what blocks on a thread that may wait.
func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
  }
}

/// A request with a JSON body.
func post(_ path: String, _ body: String, close: Bool = true) -> String {
  "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    + "Content-Length: \(body.utf8.count)\r\n\(close ? "Connection: close\r\n" : "")\r\n\(body)"
}
