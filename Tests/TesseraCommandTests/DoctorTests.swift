import Foundation
import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraCommand

@Suite("What doctor checks")
struct DoctorTests {
  /// One of each kind.
  static let grid = DoctorGrid(
    formats: [.f16, .q4_K], tokenCounts: [1, 13],
    attention: [DoctorBench.attentions[1], DoctorBench.attentions[9], DoctorBench.attentions[13]],
    quantized: [.q8_0, .q6_K], activations: [.silu, .geluErf], encodings: [.f32, .q8_0])

  @Test("every kernel that operators have is run, in both styles and as step programs, and is right on this device")
  func all() throws {
    let device = try #require(TestDevices.all.first)
    let benches = try KernelStyle.allCases.map { try DoctorBench(device.context(), style: $0) }
    for check in try DoctorBench.checks(on: benches, Self.grid) {
      let row = check.row()
      #expect(row.ok, "\(row.kernel) \(row.variant): \(row.maxError ?? .nan) of \(row.tolerance), \(row.problem ?? "")")
    }
    // As the list for GPU compilers has them; those of fast mode where the device gains by them.
    let fast: Set = [
      "matmul_8", "quantize_activations", "matmul_16", "round_activations", "round_panels",
    ]
    let kernels = try Self.listedKernels()
    #expect(kernels.count > 30)
    for bench in benches {
      let missing = kernels.subtracting(bench.library.variants.map(\.function))
      let others: Set<String> = bench.library.style == .simt ? [] : ["choose", "decode_attention"]
      #expect(missing.isSubset(of: fast.union(others)), "\(bench.style): \(missing)")
    }
  }

  @Test("a recorded step is compared with a queue's where there are command buffers", arguments: TestDevices.all)
  func recorded(device: TestDevice) throws {
    let bench = try DoctorBench(device.context(), style: .simt)
    let rows = bench.recordedChecks().map { $0.row() }
    #expect(rows.count == (bench.queue.context.device.profile.commandBuffers ? 1 : 0))
    for row in rows { #expect(row.ok && row.cases > 10, "\(row.problem ?? "\(row.maxError ?? .nan)")") }
  }

  @Test(
    "what a driver promises of floats is tried, and what it does not promise is no fault", arguments: TestDevices.all)
  func floats(device: TestDevice) throws {
    let bench = try DoctorBench(device.context())
    let rows = bench.floatChecks().map { $0.row() }
    #expect(rows.count == 3)
    for row in rows { #expect(row.ok, "\(row.variant): \(row.maxError ?? .nan)") }
    let promised = bench.queue.context.device.profile.singleFloat
    #expect(
      rows.map(\.tolerance) == [
        0, promised.contains(.correctDivideSqrt) ? 0 : 1, promised.contains(.denormals) ? 0 : 1,
      ])
    #expect(rows[0].cases == 1 && rows[1].cases == 2 && rows[2].cases == 2)
  }

  @Test("a long loop runs to its end", arguments: TestDevices.all)
  func loops(device: TestDevice) throws {
    let row = try DoctorBench(device.context()).loopCheck().row()
    #expect(row.ok && row.cases == 1, "\(row.problem ?? "")")
  }

  /// Functions of `scripts/gpu-variants.jsonl`.
  private static func listedKernels() throws -> Set<String> {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: package.appendingPathComponent("scripts/gpu-variants.jsonl"), encoding: .utf8)
    return Set(
      try text.split(separator: "\n").compactMap {
        (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["function"] as? String
      })
  }

  @Test("a wrong result, one that is no number and a kernel that does not run are rows that are not ok")
  func wrong() {
    struct Failure: Error {}
    let checks: [() throws -> [Double]] = [{ [0, 2e-6] }, { [.infinity] }, { [] }, { throw Failure() }]
    for errors in checks {
      let row = DoctorCheck(kernel: "k", variant: "v", tolerance: 1e-6, errors: errors).row()
      #expect(!row.ok)
    }
    #expect(DoctorCheck(kernel: "k", variant: "v", tolerance: 1e-6, errors: { [0, 1e-6] }).row().ok)
    #expect(doctorDifference([Float.nan, 0, 1], [.nan, -0.0, 1]) == 1.0 / 3)
  }
}
