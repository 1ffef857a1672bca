import Synchronization
import TesseraCL
import TesseraMemory
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

typealias Bench = Workbench

extension Workbench {
  /// Products of small matrices that tests compare: emulated, and the device's own where it has them.
  func tensorDots() throws -> [IntegerDot] {
    [.emulatedTensor] + (try IntegerDot.hasTensor(library) ? [.tensor] : [])
  }
}

/// Suites that use a device run one test at a time, and on one thread: Oclgrind's check for uninitialized memory keeps
/// what it knows by thread.
@Suite("Operators on every device", .serialized)
enum OperatorsOnDevices {}

/// A device and a style of kernels: what the grids run over.
struct Target: Sendable, CustomStringConvertible {
  let device: TestDevice
  let style: KernelStyle

  static let all = TestDevices.all.flatMap { device in KernelStyle.allCases.map { Target(device: device, style: $0) } }

  var description: String { "\(style.rawValue) on \(device)" }

  private static let benches = Mutex<[String: Bench]>([:])

  /// The target's queue, kernels and memory, the same for all tests.
  func bench() throws -> Bench {
    try Self.benches.withLock { benches in
      if let bench = benches[description] { return bench }
      let bench = try Bench(device.context(), style: style)
      benches[description] = bench
      return bench
    }
  }
}

extension MatrixUnits {
  /// Units in plain C, in what the device has of local memory.
  static func emulated(on bench: Bench, localBytes: Int) -> MatrixUnits {
    let most = max(48 << 10, bench.library.context.device.profile.localMemoryBytes)
    return MatrixUnits(emulatedLocalBytes: min(localBytes, most))
  }
}
