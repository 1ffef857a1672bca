import TesseraCL
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Step launches")
  @MainActor struct StepLaunchesTests {
    private func problem(on bench: Bench) throws -> SinkProblem {
      let problem = SinkProblem(on: bench)
      try problem.addRows()
      try problem.addProducts([.q4_0], tokens: 2)
      try problem.addRotations()
      try problem.addAttention(Array(StepProgramTests.attentions.prefix(1)))
      return problem
    }

    @Test(
      "bound launches, recorded or not, give the bits of their commands on a queue, as often as they run",
      arguments: Target.all, [false, true])
    func sameBitsAsQueue(target: Target, isRecorded: Bool) throws {
      let bench = try target.bench()
      let (queued, recorded) = (try problem(on: bench), try problem(on: bench))
      let dispatches = try recorded.dispatches()
      // Parts may be empty, and the end is one.
      let ends = [0, 1, 3, 3, dispatches.count]
      let launches = try StepLaunches(
        dispatches, ends: ends, bench.library, queue: bench.queue, isRecorded: isRecorded)
      let isPossible = bench.queue.context.device.profile.commandBuffers
      for time in 1...4 {
        try queued.enqueue(on: bench.queue)
        let (before, runs) = (bench.queue.launchCount, bench.queue.recordedRunCount)
        try launches.run()
        #expect(bench.queue.launchCount - before == dispatches.count)
        // The first run is not worth a recording: prompts have shapes that do not come again.
        let isReplay = isRecorded && isPossible && time > 1
        #expect(bench.queue.recordedRunCount - runs == (isReplay ? 1 : 0) && launches.isRecorded == isReplay)
        for (a, b) in zip(queued.outputs, recorded.outputs) {
          let (expected, found) = (try bench.floats(a.buffer), try bench.floats(b.buffer))
          #expect(sameBits(expected, found), "\(a.name), run \(time)")
        }
      }
    }
  }
}
