import Foundation
import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Activation functions")
  @MainActor struct ActivationFunctionTests {
    private func run(_ x: [Float], _ function: Activation.Function, on bench: Bench) throws -> [Float] {
      let y = try bench.output(x.count)
      try Activation(bench.library).enqueue(
        bench.buffer(x), into: y, rows: 1, size: x.count, function: function, on: bench.queue)
      return try bench.floats(y)
    }

    /// From tiny to huge, of both signs, and many between.
    private static let values: [Float] =
      [0, 1e-30, 1e-6, 0.3, 5, 12, 30, 87, 88.5, 100, 300, 1e4].flatMap { [$0, -$0] }
      + stride(from: -9, through: 9, by: 0.0078125)

    @Test("every function is the reference's", arguments: Target.all)
    func reference(target: Target) throws {
      let bench = try target.bench()
      for function in Activation.Function.allCases {
        let reference = try function.reference
        let expected = Self.values.map { Float(reference(Double($0))) }
        // Of x, or of what its square makes; sigmoid and tanh are at most 1.
        let magnitude = Self.values.map { x -> Float in
          switch function {
          case .sigmoid, .tanh: 1
          case .reluSquared: x * x
          default: abs(x)
          }
        }
        let error = worstError(try run(Self.values, function, on: bench), expected, relativeTo: magnitude)
        #expect(error <= (function == .geluErf ? 3e-7 : 2e-6), "\(function): \(error)")
      }
    }

    @Test("GELU is within 3e-7 of what erf gives, of the larger of 1 and |x|", arguments: Target.all)
    func geluErf(target: Target) throws {
      let bench = try target.bench()
      let x: [Float] = Array(stride(from: -14, through: 14, by: 0.001))
      let y = try run(x, .geluErf, on: bench)
      var worst = 0.0
      for (x, y) in zip(x, y) {
        let expected = Double(x) / 2 * (1 + erf(Double(x) / 2.0.squareRoot()))
        worst = max(worst, abs(Double(y) - expected) / max(1, abs(Double(x))))
      }
      #expect(worst < 3e-7, "\(worst)")
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      for function in Activation.Function.allCases {
        let results = try KernelStyle.allCases.map {
          try run(Self.values, function, on: Target(device: device, style: $0).bench())
        }
        #expect(sameBits(results[0], results[1]), "\(function)")
      }
    }

    @Test("rows may be activated in place", arguments: Target.all)
    func inPlace(target: Target) throws {
      let bench = try target.bench()
      let x = Array(Self.values.prefix(40))
      let buffer = try bench.buffer(x)
      try Activation(bench.library).enqueue(buffer, into: buffer, rows: 2, size: 20, function: .silu, on: bench.queue)
      #expect(sameBits(try bench.floats(buffer), try run(x, .silu, on: bench)))
    }
  }
}
