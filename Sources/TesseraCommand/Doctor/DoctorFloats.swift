import TesseraCL
import TesseraOperators
import TesseraWorkbench

extension DoctorBench {
  /// How the device calculates, beside what its driver says of it: the share of results that are not IEEE 754's. Where the driver
  /// promises nothing, all of them may be others.
  func floatChecks() -> [DoctorCheck] {
    let promised = queue.context.device.profile.singleFloat
    func check(_ variant: String, _ isPromised: Bool, _ shares: @escaping (FloatProbe) -> [Double]) -> DoctorCheck {
      DoctorCheck(kernel: "common/float_probe", variant: variant, tolerance: isPromised ? 0 : 1) { [self] in
        shares(try FloatProbe(library, queue: queue))
      }
    }
    return [
      // OpenCL asks it of every device; sums are made of them.
      check("multiply-adds, rounded once", true) { [$0.multiplyAdds] },
      check("quotients and roots, rounded correctly", promised.contains(.correctDivideSqrt)) {
        [$0.quotients, $0.roots]
      },
      check("denormal numbers, not flushed to zero", promised.contains(.denormals)) {
        [$0.denormalInputs, $0.denormalResults]
      },
    ]
  }
}
