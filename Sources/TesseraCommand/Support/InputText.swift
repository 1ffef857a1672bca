import Foundation
import TesseraSystem

/// Where a command's text comes from.
enum InputText {
  /// Bytes that a text may have: far more than any context holds, and few enough to be in memory.
  static let byteLimit = 256 << 20

  /// The text of a file, pipe or device, or of standard input for "-".
  ///
  /// - Throws: `InputError` if it cannot be read, is a folder, or has more than `limit` bytes.
  static func read(_ path: String, limit: Int = byteLimit) throws -> [UInt8] {
    if path == "-" { return try read(STDIN_FILENO, limit) { "standard input \($0)" } }
    let descriptor = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC) }
    let shown = path.shownPath
    guard descriptor >= 0 else {
      throw InputError(
        message: errno == ENOENT ? "\(shown): no such file" : "\(shown): it cannot be read: \(reason(errno))")
    }
    defer { close(descriptor) }
    return try read(descriptor, limit) { "\(shown): it \($0)" }
  }

  /// - Parameter problem: a sentence about the input, of what is wrong with it.
  private static func read(_ descriptor: Int32, _ limit: Int, _ problem: (String) -> String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw InputError(message: problem("cannot be read: \(reason(errno))")) }
      guard count > 0 else { return bytes }
      guard bytes.count <= limit - count else {
        throw InputError(message: problem("has more than \(limit >> 20) MiB, the most that is read as text"))
      }
      bytes += chunk[..<count]
    }
  }

  private static func reason(_ number: Int32) -> String {
    switch number {
    case EISDIR: "it is a folder"
    case EBADF: "it is closed, or open for writing only"
    default: String(cString: strerror(number))
    }
  }

  /// Token ids separated by commas.
  static func tokens(_ list: String, option: String) throws -> [Int] {
    try list.split(separator: ",", omittingEmptySubsequences: false).map {
      guard let id = Int($0.trimmingCharacters(in: .whitespaces)) else {
        throw UsageError(message: "\(option): \"\($0)\" is not a token id; give numbers separated by commas")
      }
      return id
    }
  }

  /// The lines of a file.
  ///
  /// They end with LF or CRLF alone: what else Unicode calls a line's end may stand in a text.
  static func lines(_ bytes: [UInt8]) -> [String] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // A file's last line ends, too.
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { line in
      String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
  }
}
