import Synchronization

/// The device times of the kernels that a queue runs while one `Queue.kernelSeconds` is under way.
///
/// A driver's events are let go as they are read, so that a long piece of work does not hold one for each kernel.
final class KernelTimes: Sendable {
  private struct State {
    var seconds: [Double] = []
    /// Not yet read, in the queue's order.
    var events: [Event] = []
  }
  private let state = Mutex(State())

  /// Events that are held at most.
  private let held: Int

  init(held: Int = 512) { self.held = max(1, held) }

  /// Takes the event of a kernel that was just enqueued; every so often waits for the older half of those held.
  func add(_ event: Event) throws(CLError) {
    let result = state.withLock { state in
      Result { () throws(CLError) in
        state.events.append(event)
        if state.events.count > held { try read(&state, state.events.count / 2) }
      }
    }
    try result.get()
  }

  /// Seconds of every kernel, in the order in which they were enqueued; blocks until all have run.
  func seconds() throws(CLError) -> [Double] {
    let result = state.withLock { state in
      Result { () throws(CLError) in
        try read(&state, state.events.count)
        return state.seconds
      }
    }
    return try result.get()
  }

  var heldCount: Int { state.withLock { $0.events.count } }

  private func read(_ state: inout State, _ count: Int) throws(CLError) {
    guard count > 0 else { return }
    // A queue in order: when the last has run, so have those before it.
    try state.events[count - 1].wait()
    for event in state.events.prefix(count) { state.seconds.append(try event.deviceSeconds) }
    state.events.removeFirst(count)
  }
}
