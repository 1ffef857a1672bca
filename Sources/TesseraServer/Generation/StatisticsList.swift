import Synchronization
import Tessera

/// Statistics of a request's answers, in whatever order these end.
final class StatisticsList: Sendable {
  private let state: Mutex<[GenerationStatistics?]>

  /// - Parameter count: of answers.
  init(count: Int) { state = Mutex((0..<count).map { _ in .none }) }

  /// In the order of the choices.
  var values: [GenerationStatistics] { state.withLock { $0.compactMap { $0 } } }
  func set(_ statistics: GenerationStatistics, ofChoice choice: Int) { state.withLock { $0[choice] = statistics } }
}

/// What an answer's bits depend on besides the request.
enum Fingerprint {
  /// `system_fingerprint` of OpenAI's interface.
  static let text = "tessera-\(TesseraVersion.text)"
}
