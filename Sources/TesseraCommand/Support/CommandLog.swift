import Logging
import Synchronization

/// Shows what the library notes (`tessera` of swift-log) as lines of standard error, unless the user wants quiet.
struct CommandLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  /// The least level that is shown; a run without trouble shows nothing.
  var logLevel: Logger.Level = .notice

  private static let isQuiet = Mutex(false)

  /// Before anything else logs.
  static func start() { LoggingSystem.bootstrap { _ in CommandLog() } }
  static func silence() { isQuiet.withLock { $0 = true } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    guard !Self.isQuiet.withLock({ $0 }) else { return }
    Terminal.diagnose("\(event.level < .warning ? "note" : "\(event.level)"): \(event.message)")
  }
}
