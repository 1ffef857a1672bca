import Foundation
import Synchronization
import TesseraCL

extension KernelLibrary {
  /// Compiles what some commands launch and is not compiled yet, so that no launch waits for a compiler.
  ///
  /// Of GPUs several compilers run at once, each on a thread of its own: a driver takes up to seconds a kernel. CPU drivers
  /// use all cores as they are.
  ///
  /// - Parameters:
  ///   - threads: compilers that run at once; nil takes what suits the device.
  ///   - isCancelled: asked between kernels.
  ///   - progress: told how many kernels are there, of all that were missing.
  /// - Throws: `CancellationError`, once the compilers that had begun are done; the first error of a kernel.
  package func compile(
    _ dispatches: [Dispatch], threads: Int? = nil, isCancelled: () -> Bool = { false },
    progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws {
    let missing = missing(dispatches)
    guard !missing.isEmpty else { return }
    if isCancelled() { throw CancellationError() }
    progress(0, missing.count)
    let profile = context.device.profile
    let suitable =
      profile.type == .cpu || profile.isSimulator ? 1 : min(8, ProcessInfo.processInfo.activeProcessorCount)
    let threads = min(threads ?? suitable, missing.count)
    guard threads > 1 else {
      for (index, job) in missing.enumerated() {
        if isCancelled() { throw CancellationError() }
        _ = try kernel(job.variant, localSize: job.localSize)
        progress(index + 1, missing.count)
      }
      return
    }
    let jobs = CompilerJobs(missing)
    for number in 0..<threads {
      let thread = Thread { [self] in
        while let job = jobs.next() { jobs.finish(Result { _ = try kernel(job.variant, localSize: job.localSize) }) }
        jobs.end()
      }
      thread.name = "tessera compiler \(number)"
      // Compilers recurse deeply.
      thread.stackSize = 16 << 20
      thread.start()
    }
    try jobs.wait(threads: threads, isCancelled) { progress($0, missing.count) }
  }

  /// What some commands launch that is not compiled, each once.
  private func missing(_ dispatches: [Dispatch]) -> [Variant] {
    var seen: Set<Variant> = []
    return dispatches.compactMap { dispatch in
      let key = Variant(variant: dispatch.variant, localSize: dispatch.localSize)
      return !isCompiled(key) && seen.insert(key).inserted ? key : nil
    }
  }
}

/// Kernels that threads compile, one after another each.
// Every access to the variables is made with `condition` locked.
private final class CompilerJobs: @unchecked Sendable {
  private let condition = NSCondition()
  private var left: ArraySlice<KernelLibrary.Variant>
  private var doneCount = 0
  private var endedThreads = 0
  private var failure: (any Error)?

  init(_ jobs: [KernelLibrary.Variant]) { left = jobs[...] }

  func next() -> KernelLibrary.Variant? { condition.withLock { left.popFirst() } }

  func finish(_ result: Result<Void, any Error>) {
    condition.withLock {
      doneCount += 1
      if case .failure(let error) = result {
        failure = failure ?? error
        left = []
      }
      condition.signal()
    }
  }

  func end() {
    condition.withLock {
      endedThreads += 1
      condition.signal()
    }
  }

  /// Waits until all threads have ended.
  func wait(threads: Int, _ isCancelled: () -> Bool, _ progress: (Int) -> Void) throws {
    var (reported, isStopped) = (0, false)
    while true {
      let (done, isOver) = condition.withLock {
        // Cancellation is looked for every so often, too.
        if doneCount == reported, endedThreads < threads { _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1)) }
        return (doneCount, endedThreads == threads)
      }
      if done > reported { progress(done) }
      reported = done
      if !isStopped, isCancelled() {
        isStopped = true
        condition.withLock { left = [] }
      }
      if isOver { break }
    }
    if let failure = condition.withLock({ failure }) { throw failure }
    if isStopped { throw CancellationError() }
  }
}
