import Synchronization

/// Bytes of bodies that are held at once, at most so many.
final class BodyBudget: Sendable {
  private let limit: Int
  private let held = Mutex(0)

  init(limit: Int) { self.limit = limit }

  /// A body's part of it, which is given back when nobody holds it any more.
  final class Share: Sendable {
    private let budget: BodyBudget
    private let bytes = Mutex(0)

    init(_ budget: BodyBudget) { self.budget = budget }

    deinit {
      let count = bytes.withLock { $0 }
      budget.held.withLock { $0 -= count }
    }

    /// - Throws: 503 where all of it is taken.
    func take(_ count: Int) throws(APIError) {
      let isTaken = budget.held.withLock { held in
        guard held + count <= budget.limit else { return false }
        held += count
        return true
      }
      guard isTaken else {
        throw APIError(
          503, "Too many large requests come at once: try again later.", type: "server_error", code: "busy",
          retryAfter: 1)
      }
      bytes.withLock { $0 += count }
    }
  }
}
