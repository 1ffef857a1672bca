import Foundation
import TesseraCL
import TesseraMemory
import TesseraSystem

/// What was typed before, in a file that only the user can read, the oldest line first. Every failure costs the history only.
struct InputHistory {
  /// The most lines that are kept, and the most bytes.
  static let lineLimit = 1000
  static let byteLimit = 256 << 10

  let file: URL
  /// How long a line waits for other chats'.
  private let patience: Duration

  /// The file in the folder for what programs remember: `$XDG_STATE_HOME/tessera`, else `~/.local/state/tessera`. Nil where there is no
  /// home.
  init?(environment: [String: String] = ProcessInfo.processInfo.environment, patience: Duration = .seconds(2)) {
    self.patience = patience
    // The XDG base directory specification has relative paths ignored.
    if let path = environment["XDG_STATE_HOME"], path.hasPrefix("/") {
      file = URL(fileURLWithPath: path).appendingPathComponent("tessera/chat-history")
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      file = URL(fileURLWithPath: home).appendingPathComponent(".local/state/tessera/chat-history")
    } else {
      return nil
    }
  }

  /// Whether a line is worth keeping. One that begins with a space is not, as in shells: so a secret can be kept out.
  static func isKept(_ line: String) -> Bool { line.first.map { !$0.isWhitespace } ?? false }

  /// The lines, the oldest first.
  var lines: [String] {
    // A file that someone has made larger is begun anew.
    guard let bytes = CacheFile.read(file, limit: 2 * Self.byteLimit) else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Puts a line behind those that are there, another chat's too, which waits meanwhile.
  func append(_ line: String) {
    try? FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    do throws(FileError) {
      try FolderLock.hold(file.path + ".lock", patience: patience) { _ in write(lines, with: line) }
    } catch {}
  }

  private func write(_ known: [String], with line: String) {
    var lines = known
    if lines.last == line { return }
    lines.append(line.split(whereSeparator: \.isNewline).joined(separator: " "))
    lines.removeFirst(max(lines.count - Self.lineLimit, 0))
    var size = lines.reduce(0) { $0 + $1.utf8.count + 1 }
    var first = 0
    while size > Self.byteLimit, first < lines.count {
      size -= lines[first].utf8.count + 1
      first += 1
    }
    _ = CacheFile.write(Array(lines[first...].map { $0 + "\n" }.joined().utf8), to: file)
  }
}
