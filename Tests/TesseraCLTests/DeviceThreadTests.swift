import Dispatch
import Foundation
import Testing

@testable import TesseraCL

@Suite("A thread of its own as an executor")
struct DeviceThreadTests {
  private actor Worker {
    let thread: DeviceThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
    var order: [Int] = []

    init(end: @escaping @Sendable () -> Void = {}) { thread = DeviceThread(name: "worker", end: end) }

    // Not pthread_self: C declares it constant, so an optimized build may ask once for several threads.
    func threadID() -> ObjectIdentifier { ObjectIdentifier(Thread.current) }
    func append(_ value: Int) { order.append(value) }
    func block(_ started: DispatchSemaphore, until end: DispatchSemaphore) {
      started.signal()
      end.wait()
    }
  }

  @Test("an actor's jobs all run on one thread, and two actors' on two")
  func oneThread() async {
    let (first, second) = (Worker(), Worker())
    let own = await first.threadID()
    for _ in 0..<20 {
      await Task.yield()
      #expect(await first.threadID() == own)
    }
    let others = await withTaskGroup(of: ObjectIdentifier.self) { group in
      for _ in 0..<20 { group.addTask { await first.threadID() } }
      return await group.reduce(into: Set<ObjectIdentifier>()) { $0.insert($1) }
    }
    #expect(others == [own])
    #expect(await second.threadID() != own)
    // Its thread would end with the first actor, and its id could be given again.
    withExtendedLifetime(first) {}
  }

  @Test("jobs run one at a time, in the order in which one task asks for them")
  func order() async {
    let worker = Worker()
    for i in 0..<100 { await worker.append(i) }
    #expect(await worker.order == Array(0..<100))
    await withTaskGroup(of: Void.self) { group in
      for i in 0..<200 { group.addTask { await worker.append(i) } }
    }
    #expect(await worker.order.count == 300)
  }

  @Test("blocked device threads leave Swift's own threads free", .timeLimit(.minutes(60)))
  func blocking() async {
    let (started, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    // More than any pool of one thread a core would survive.
    let count = 4 * ProcessInfo.processInfo.activeProcessorCount
    let workers = (0..<count).map { _ in Worker() }
    await withTaskGroup(of: Void.self) { group in
      for worker in workers { group.addTask { await worker.block(started, until: end) } }
      group.addTask {
        // Runs on the pool while the threads are blocked, and then lets them go.
        for _ in 0..<count { await Self.wait(for: started) }
        let sums = await withTaskGroup(of: Int.self) { sums in
          for i in 0..<100 { sums.addTask { i } }
          return await sums.reduce(0, +)
        }
        #expect(sums == 4950)
        for _ in 0..<count { end.signal() }
      }
    }
  }

  @Test("a thread ends when its executor goes, after the jobs that it holds", .timeLimit(.minutes(60)))
  func end() async {
    let ended = DispatchSemaphore(value: 0)
    weak var thread: DeviceThread?
    do {
      let worker = Worker(end: { ended.signal() })
      thread = worker.thread
      await worker.append(1)
      #expect(thread != nil)
    }
    await Self.wait(for: ended)
    #expect(thread == nil)
  }

  /// Waits without holding a thread of the pool.
  private static func wait(for semaphore: DispatchSemaphore) async {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        semaphore.wait()
        continuation.resume()
      }
    }
  }
}
