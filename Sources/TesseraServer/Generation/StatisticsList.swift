import Synchronization
import Tessera

/// Statistics of answers as they end.
final class StatisticsList: Sendable {
  private let state = Mutex<[GenerationStatistics]>([])
  var values: [GenerationStatistics] { state.withLock { $0 } }
  func add(_ statistics: GenerationStatistics) { state.withLock { $0.append(statistics) } }
}

/// What an answer's bits depend on besides the request.
enum Fingerprint {
  /// `system_fingerprint` of OpenAI's interface.
  static let text = "tessera-0.1.0"
}
