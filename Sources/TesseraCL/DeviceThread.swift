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

  /// Where tasks of an actor of the thread stand behind all that waits for it. No other thread has a part in that: continuations and
  /// `Task.yield()` resume on Swift's pool first, which may be busy.
  package actor Turnstile {
    private let lane: Lane
    private var count = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    package init(_ thread: DeviceThread) { lane = Lane(thread) }

    /// To be awaited. A call that is not one, or does nothing, the compiler leaves out, and both changes of executor with it.
    @inline(never)
    package func pass() { count &+= 1 }
  }

  /// Another executor on the thread: a change to it, and back, goes through the thread's queue.
  private final class Lane: SerialExecutor {
    private let thread: DeviceThread

    init(_ thread: DeviceThread) { self.thread = thread }

    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      thread.jobs.add { [self] in job.runSynchronously(on: asUnownedSerialExecutor()) }
    }
  }

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
