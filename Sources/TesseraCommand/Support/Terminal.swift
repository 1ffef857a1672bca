import Foundation

/// Standard output and standard error.
enum Terminal {
  /// Writes to standard output; ends the process where that is not possible, without an error if nobody reads it.
  static func write(_ text: String) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError)?.code ?? (error as NSError).code
      // Not `exit`: the device may be at work, and nothing waits to be written.
      if code == Int(EPIPE) { _exit(0) }
      diagnose("error: standard output cannot be written: \(String(cString: strerror(Int32(clamping: code))))")
      _exit(1)
    }
  }

  /// Makes a closed pipe an error of the write to it, instead of a signal that ends the process.
  static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

  /// Opens what the shell has closed of standard input, output and error, the wrong way round: using them stays an error,
  /// and no file that is opened later is taken for them.
  static func occupyClosedDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  static func print(_ line: String) { write(line + "\n") }
  /// Writes to standard error, if that is possible.
  static func diagnose(_ line: String) { try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8)) }

  static var standardErrorIsTerminal: Bool { isatty(STDERR_FILENO) != 0 }
  static var standardInputIsTerminal: Bool { isatty(STDIN_FILENO) != 0 }

  /// A text that stands back behind others, where standard error is a terminal.
  static func dimmed(_ text: String) -> String { standardErrorIsTerminal ? "\u{1b}[2m\(text)\u{1b}[0m" : text }

  /// One line on standard error, and exit status 1.
  static func fail(_ error: any Error) -> Never {
    let line = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
    diagnose("error: \(line)")
    Foundation.exit(1)
  }

  /// A JSON document on standard output.
  static func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

/// A progress bar on standard error, if that is a terminal.
final class ProgressBar: Sendable {
  private let label: String
  private let isShown: Bool

  init(_ label: String, quiet: Bool) {
    self.label = label
    isShown = !quiet && Terminal.standardErrorIsTerminal
  }

  /// - Parameter label: of what goes on now; nil takes the bar's.
  func update(_ share: Double, label: String? = nil) {
    guard isShown else { return }
    let filled = Int(min(max(share, 0), 1) * 30)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    try? FileHandle.standardError.write(
      contentsOf: Data("\r\u{1b}[K\(label ?? self.label) \(bar) \(Int(share * 100))%".utf8))
  }

  func finish() {
    guard isShown else { return }
    try? FileHandle.standardError.write(contentsOf: Data("\r\u{1b}[K".utf8))
  }
}
