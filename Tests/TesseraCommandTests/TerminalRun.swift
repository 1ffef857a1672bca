import Foundation
import Testing

/// A run of the `tessera` command whose input and output are a terminal.
final class TerminalRun {
  private let process = Process()
  private let terminal: Int32
  /// All that the command wrote; its errors too, as on a screen.
  private(set) var screen = ""

  init(_ arguments: [String], environment: [String: String]) throws {
    terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    // TIOCSPTLCK and TIOCGPTN: what `unlockpt` and `ptsname` do, which Swift does not see.
    var (lock, number) = (Int32(0), UInt32(0))
    try #require(
      terminal >= 0 && ioctl(terminal, 0x4004_5431, &lock) == 0 && ioctl(terminal, 0x8004_5430, &number) == 0)
    let screen = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(screen >= 0)
    process.executableURL = URL(fileURLWithPath: try #require(CommandRun.path))
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let handle = FileHandle(fileDescriptor: screen, closeOnDealloc: false)
    // The command alone has it then, so that its end is seen.
    defer { close(screen) }
    (process.standardInput, process.standardOutput, process.standardError) = (handle, handle, handle)
    try process.run()
  }

  deinit {
    if process.isRunning { process.terminate() }
    close(terminal)
  }

  /// Types keys, once a prompt has come that was not read before. It begins a line: the editor may write it again, behind a carriage
  /// return, and what is typed then is another line's, or nobody's.
  func type(_ keys: String, at prompt: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let start = screen.utf8.count
    // Bytes, since a carriage return and a line feed are one character.
    try read(sourceLocation) { screen in
      (start == 0 && screen.hasPrefix(prompt)) || screen.utf8.dropFirst(start).contains("\n\(prompt)".utf8)
    }
    // The prompt comes a moment before the editor has the keys: until then the terminal itself edits lines.
    let end = ContinuousClock.now + .seconds(600)
    var mode = termios()
    while tcgetattr(terminal, &mode) != 0 || mode.c_lflag & tcflag_t(ICANON) != 0 {
      guard ContinuousClock.now < end else { break }
      usleep(5000)
    }
    let bytes = Array(keys.utf8)
    #expect(write(terminal, bytes, bytes.count) == bytes.count, sourceLocation: sourceLocation)
  }

  /// The exit status, once the command has ended.
  func end(sourceLocation: SourceLocation = #_sourceLocation) throws -> Int32 {
    // The terminal's last user was the command.
    try read(sourceLocation) { _ in false }
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
  }

  /// Reads until enough is there, or the command has ended.
  private func read(_ sourceLocation: SourceLocation, _ isEnough: (String) -> Bool) throws {
    let end = ContinuousClock.now + .seconds(600)
    var bytes = [UInt8](repeating: 0, count: 4096)
    while !isEnough(screen) {
      var wanted = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
      guard ContinuousClock.now < end else {
        Issue.record("the command waits: \(screen)", sourceLocation: sourceLocation)
        throw CancellationError()
      }
      guard poll(&wanted, 1, 1000) > 0 else { continue }
      let count = Foundation.read(terminal, &bytes, bytes.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      screen += String(decoding: bytes[..<count], as: UTF8.self)
    }
  }
}
