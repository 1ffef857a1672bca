import TesseraMemory
import TesseraModels

/// What becomes of the blocks of a sequence that gives them up before its end.
enum Preemption: String, Sendable {
  /// They go to host memory, and come back when there is room.
  case swap
  /// Their tokens are a prompt then, of which the cache may still have the beginning.
  case recompute
}

/// Which of them is less work, by what steps and copies have taken so far.
struct PreemptionCosts: Sendable {
  /// Of prompts; nil before one was measured.
  private(set) var secondsPerToken: Double?
  /// Of copies between device and host; nil before one was measured.
  private(set) var bytesPerSecond: Double?

  /// What a copy is taken for before one was measured.
  static let firstBytesPerSecond = 2e9
  /// The part that a new measurement has in the value.
  private static let share = 0.25

  mutating func didCompute(tokens: Int, seconds: Double) {
    guard tokens > 0, seconds > 0 else { return }
    secondsPerToken = Self.mean(secondsPerToken, seconds / Double(tokens))
  }

  mutating func didCopy(bytes: Int, seconds: Double) {
    guard bytes > 0, seconds > 0 else { return }
    bytesPerSecond = Self.mean(bytesPerSecond, Double(bytes) / seconds)
  }

  /// Seconds that tokens take to be computed; nil where nothing is known.
  func seconds(computing tokens: Int) -> Double? { secondsPerToken.map { Double(tokens) * $0 } }

  /// Seconds that bytes take to be copied.
  func seconds(copying bytes: Int) -> Double { Double(bytes) / (bytesPerSecond ?? Self.firstBytesPerSecond) }

  /// The cheaper way, for a sequence of so many tokens whose blocks have so many bytes: they are copied twice.
  func choice(tokens: Int, bytes: Int) -> Preemption {
    guard let compute = seconds(computing: tokens) else { return .swap }
    return 2 * seconds(copying: bytes) < compute ? .swap : .recompute
  }

  private static func mean(_ old: Double?, _ new: Double) -> Double {
    old.map { (1 - share) * $0 + share * new } ?? new
  }
}
