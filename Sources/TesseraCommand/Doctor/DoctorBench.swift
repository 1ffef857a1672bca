import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraWorkbench

typealias DoctorBench = Workbench

extension DoctorBench {
  var style: String { library.style.rawValue }

  /// All checks of a context's device, in both styles, the device's own first; then those that compare the styles.
  static func checks(on context: Context) throws -> [DoctorCheck] {
    let own = KernelStyle(for: context.device.profile)
    let benches = try KernelStyle.allCases.sorted { a, _ in a == own }.map { try DoctorBench(context, style: $0) }
    var checks: [DoctorCheck] = []
    for bench in benches {
      checks += bench.weightChecks() + bench.productChecks() + bench.attentionChecks()
      checks += bench.rowChecks() + bench.rotaryChecks() + bench.samplingChecks()
    }
    return checks + sameBitsChecks(benches[0], benches[1])
  }

  /// A check whose kernel's variant begins with the style.
  func check(
    _ kernel: String, _ variant: String, tolerance: Double, _ errors: @escaping () throws -> [Double]
  ) -> DoctorCheck {
    DoctorCheck(kernel: kernel, variant: "\(style) \(variant)", tolerance: tolerance, errors: errors)
  }
}

/// The largest |value − expected| / magnitude; infinite where a value is not a number or the counts differ.
func doctorError(_ values: [Float], _ expected: [Float], relativeTo magnitude: [Float]) -> Double {
  guard values.count == expected.count, values.count == magnitude.count else { return .infinity }
  var worst = 0.0
  for i in values.indices {
    let difference = abs(Double(values[i]) - Double(expected[i]))
    let error = difference == 0 ? 0 : difference / Double(magnitude[i])
    if !(error <= worst) { worst = error.isNaN ? .infinity : error }
  }
  return worst
}

/// The share of floats whose bits differ.
func doctorDifference(_ a: [Float], _ b: [Float]) -> Double {
  guard a.count == b.count, !a.isEmpty else { return .infinity }
  return Double(zip(a, b).reduce(0) { $0 + ($1.0.bitPattern == $1.1.bitPattern ? 0 : 1) }) / Double(a.count)
}
