import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraWorkbench

typealias DoctorBench = Workbench

/// What is tried: everything, or for tests one of each kind.
struct DoctorGrid {
  var formats = WeightFormat.allCases
  /// Tokens of products: every tile, and more than the largest holds.
  var tokenCounts = TilePlan.tokenTiles + [25]
  var attention = DoctorBench.attentions
  var quantized = Quantizer.formats
  var activations = Activation.Function.allCases
  var encodings = KVEncoding.allCases

  static let all = DoctorGrid()
}

extension DoctorBench {
  var style: String { library.style.rawValue }

  /// All checks of a context's device, in both styles, the device's own first; then those that compare the styles.
  static func checks(on context: Context, _ grid: DoctorGrid = .all) throws -> [DoctorCheck] {
    let own = KernelStyle(for: context.device.profile)
    let benches = try KernelStyle.allCases.sorted { a, _ in a == own }.map { try DoctorBench(context, style: $0) }
    return try checks(on: benches, grid)
  }

  /// - Parameter benches: of both styles.
  static func checks(on benches: [DoctorBench], _ grid: DoctorGrid) throws -> [DoctorCheck] {
    var checks = benches[0].floatChecks() + [benches[0].loopCheck()]
    for bench in benches {
      checks += bench.weightChecks(grid) + bench.productChecks(grid) + (try bench.fastChecks(grid))
      checks += bench.expertChecks() + bench.attentionChecks(grid) + (try bench.fastAttentionChecks())
      checks += bench.rowChecks(grid) + bench.rotaryChecks()
      checks += bench.cacheChecks(grid) + bench.samplingChecks() + bench.programChecks(grid)
      checks += bench.recordedChecks()
    }
    return checks + sameBitsChecks(benches[0], benches[1], grid)
  }

  /// A check whose kernel's variant begins with the style.
  func check(
    _ kernel: String, _ variant: String, tolerance: Double, _ errors: @escaping () throws -> [Double]
  ) -> DoctorCheck {
    DoctorCheck(kernel: kernel, variant: "\(style) \(variant)", tolerance: tolerance, errors: errors)
  }
}

/// The share of elements whose bits differ.
func doctorDifference<T: Equatable>(_ a: [T], _ b: [T]) -> Double {
  guard a.count == b.count, !a.isEmpty else { return .infinity }
  return Double(zip(a, b).reduce(0) { $0 + ($1.0 == $1.1 ? 0 : 1) }) / Double(a.count)
}

/// The same of floats, whose bits count: those of a NaN, and of zeros.
func doctorDifference(_ a: [Float], _ b: [Float]) -> Double {
  doctorDifference(a.map(\.bitPattern), b.map(\.bitPattern))
}
