import Foundation

/// Standard output and standard error.
enum Terminal {
  static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
  static func print(_ line: String) { write(line + "\n") }
  static func diagnose(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

  static var standardErrorIsTerminal: Bool { isatty(STDERR_FILENO) != 0 }
  static var standardInputIsTerminal: Bool { isatty(STDIN_FILENO) != 0 }

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

  func update(_ share: Double) {
    guard isShown else { return }
    let filled = Int(min(max(share, 0), 1) * 30)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    FileHandle.standardError.write(Data("\r\(label) \(bar) \(Int(share * 100))%".utf8))
  }

  func finish() {
    guard isShown else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K".utf8))
  }
}
