import TesseraOperators
import TesseraWorkbench

extension DoctorBench {
  /// Whether a long loop runs to its end: where not, kernels that are right in the other checks are wrong for long
  /// rows.
  func loopCheck() -> DoctorCheck {
    // Twice what Mesa's llvmpipe runs.
    let laps: UInt32 = 1 << 17
    return DoctorCheck(kernel: "common/loop_probe", variant: "a loop of \(laps) laps", tolerance: 0) { [self] in
      [try LoopProbe.runsToItsEnd(laps: laps, library, queue: queue) ? 0 : 1]
    }
  }
}
