import BenchmarkReports
import Foundation

/// Says on standard error what is being measured and how long it will go on: one line that is overwritten on a terminal,
/// a line now and then elsewhere.
struct Progress {
  private let isTerminal = isatty(STDERR_FILENO) != 0
  private let isQuiet: Bool
  private let total: Int
  private let totalWeight: Double
  private let start = ContinuousClock.now
  private var done = 0
  private var doneWeight = 0.0
  private var lastLine: ContinuousClock.Instant?

  init(_ cases: [Case], isQuiet: Bool) {
    self.isQuiet = isQuiet
    total = cases.count
    totalWeight = cases.reduce(0) { $0 + $1.weight }
  }

  mutating func begin(_ item: Case) {
    guard !isQuiet else { return }
    var text = "[\(done + 1)/\(total)] \(item.id)"
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    if done > 0, elapsed > 2 {
      text += ", about \(Formatting.duration(elapsed * (totalWeight - doneWeight) / doneWeight)) left"
    }
    if isTerminal {
      write("\r\u{1b}[2K\(text)")
    } else if lastLine.map({ ContinuousClock.now - $0 > .seconds(10) }) ?? true {
      lastLine = .now
      write("\(text)\n")
    }
  }

  mutating func end(_ item: Case) {
    done += 1
    doneWeight += item.weight
  }

  /// Clears the line.
  func finish() {
    if isTerminal, !isQuiet { write("\r\u{1b}[2K") }
  }

  func note(_ text: String) {
    if !isQuiet { write(isTerminal ? "\r\u{1b}[2K\(text)" : "\(text)\n") }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
