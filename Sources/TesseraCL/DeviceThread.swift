import DequeModule
import Foundation

/// A thread of its own as an actor's executor, so that waiting for a device never holds a thread of Swift's pool.
///
///     actor Engine {
///       let thread = DeviceThread(name: "engine")
///       nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
///     }
package final class DeviceThread: SerialExecutor {
  private let jobs = Jobs()

  package convenience init(name: String) { self.init(name: name) {} }

  /// - Parameter end: the last that the thread does.
  init(name: String, end: @escaping @Sendable () -> Void) {
    // The thread holds the jobs, not the executor, so that it ends when the executor goes.
    let thread = Thread { [jobs] in
      while let job = jobs.next() { job() }
      end()
    }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit { jobs.close() }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.add { [executor = asUnownedSerialExecutor()] in job.runSynchronously(on: executor) }
  }

  /// Runs a body once all that waits now has run.
  package func add(_ body: @escaping @Sendable () -> Void) { jobs.add(body) }

  /// A closed queue still runs what it holds.
  // Every access to `waiting` and `isClosed` is made with `condition` locked.
  private final class Jobs: @unchecked Sendable {
    private let condition = NSCondition()
    private var waiting: Deque<@Sendable () -> Void> = []
    private var isClosed = false

    func add(_ job: @escaping @Sendable () -> Void) {
      condition.withLock {
        waiting.append(job)
        condition.signal()
      }
    }

    func close() {
      condition.withLock {
        isClosed = true
        condition.signal()
      }
    }

    func next() -> (@Sendable () -> Void)? {
      condition.withLock {
        while waiting.isEmpty, !isClosed { condition.wait() }
        return waiting.popFirst()
      }
    }
  }
}
