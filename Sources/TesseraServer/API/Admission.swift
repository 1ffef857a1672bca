import Synchronization

/// How many answers run or wait, at most so many.
final class Admission: Sendable {
  private let limit: Int
  private let state = Mutex((answers: 0, requests: 0, isDraining: false))

  init(limit: Int) { self.limit = limit }

  /// Whether new requests are refused because the server is about to end.
  var isDraining: Bool { state.withLock { $0.isDraining } }
  /// Requests that are being answered.
  var requests: Int { state.withLock { $0.requests } }
  /// Answers that run or wait.
  var answers: Int { state.withLock { $0.answers } }

  func drain() { state.withLock { $0.isDraining = true } }

  /// Counts a request; `endRequest` must follow.
  func beginRequest() throws(APIError) {
    let isRefused = state.withLock { state in
      if !state.isDraining { state.requests += 1 }
      return state.isDraining
    }
    if isRefused { throw .draining }
  }

  func endRequest() { state.withLock { $0.requests -= 1 } }

  /// Makes room for answers until what is returned is released.
  ///
  /// - Throws: 429 where too many run or wait; 400 where it is more than ever would fit.
  func admit(_ count: Int) throws(APIError) -> Ticket {
    guard count <= limit else {
      throw APIError(
        400, "The request asks for \(count) answers: this server takes at most \(limit) at once.",
        code: "too_many_answers")
    }
    let running = state.withLock { state -> Int? in
      guard state.answers + count <= limit else { return state.answers }
      state.answers += count
      return nil
    }
    if let running {
      throw APIError(
        429, "\(running) answers run or wait, and at most \(limit) may: try again later.", type: "rate_limit_error",
        code: "queue_full", retryAfter: 1)
    }
    return Ticket(admission: self, count: count)
  }

  /// Room that is given back when nobody holds it any more.
  final class Ticket: Sendable {
    private let admission: Admission
    private let count: Int

    fileprivate init(admission: Admission, count: Int) { (self.admission, self.count) = (admission, count) }

    deinit { admission.state.withLock { [count] in $0.answers -= count } }
  }
}
