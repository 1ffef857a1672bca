/// Tasks that go on one at a time, in the order of their arrival.
struct TaskLine {
  /// Whether somebody has the turn.
  private(set) var isTaken = false
  private var waiting: [(number: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []

  /// Whether the turn was free, and is taken now.
  mutating func take() -> Bool {
    guard !isTaken else { return false }
    isTaken = true
    return true
  }

  mutating func wait(_ number: UInt64, _ continuation: CheckedContinuation<Void, any Error>) {
    waiting.append((number, continuation))
  }

  /// Ends the turn: it is the next one's.
  mutating func end() {
    guard !waiting.isEmpty else { return isTaken = false }
    waiting.removeFirst().continuation.resume()
  }

  /// Takes one that was canceled out of the line, if it still waits.
  mutating func leave(_ number: UInt64) {
    guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
    waiting.remove(at: index).continuation.resume(throwing: CancellationError())
  }
}
