import TesseraCL
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Gated activations and the soft cap")
  @MainActor struct ActivationTests {
    /// Of |gate · up|, and of |x|: an exponential of a rounded argument, a division, two products.
    static let tolerance = 2e-6
    static let sizes = Grid.values([1, 15, 16, 17, 64, 100, 300], small: [17, 300])

    @Test("gated activations are the reference's", arguments: Target.all)
    func gated(target: Target) throws {
      let bench = try target.bench()
      for size in Self.sizes {
        let x = values(3 * 2 * size)
        for (function, reference) in [
          (Activation.Function.silu, ReferenceGatedActivation.swiGLU), (.geluTanh, .geGLU),
        ] {
          let y = try run(x, size: size, function, on: bench)
          var (gates, ups): ([Float], [Float]) = ([], [])
          for start in stride(from: 0, to: x.count, by: 2 * size) {
            gates += x[start..<start + size]
            ups += x[start + size..<start + 2 * size]
          }
          let expected = try reference.apply(gate: gates, up: ups)
          let error = worstError(y, expected, relativeTo: zip(gates, ups).map { abs($0 * $1) })
          #expect(error <= Self.tolerance, "\(function), \(size): \(error)")
        }
      }
    }

    @Test("gates beyond the exponential's range saturate and stay finite", arguments: Target.all)
    func saturation(target: Target) throws {
      let bench = try target.bench()
      let gates: [Float] = [0, -0.0, 1e-30, -1e-30, 87, -87, 88.5, -88.5, 300, -300, 1e10, -1e10]
      let ups = [Float](repeating: 1, count: gates.count)
      for (function, reference) in [
        (Activation.Function.silu, ReferenceGatedActivation.swiGLU), (.geluTanh, .geGLU),
      ] {
        let y = try bench.output(gates.count)
        try Activation(bench.library).enqueue(
          bench.buffer(gates + ups), into: y, rows: 1, size: gates.count, function: function, isGated: true,
          on: bench.queue)
        let expected = try reference.apply(gate: gates, up: ups)
        let error = worstError(try bench.floats(y), expected, relativeTo: gates.map(abs))
        #expect(error <= Self.tolerance, "\(function): \(error)")
      }
    }

    @Test("the soft cap is the reference's, from tiny values to those it flattens", arguments: Target.all)
    func softCap(target: Target) throws {
      let bench = try target.bench()
      for (size, cap) in Self.sizes.map({ ($0, Float(30)) }) + [(40, 0.5), (40, 1e4)] {
        var x = values(size)
        if size >= 16 { x.replaceSubrange(0..<6, with: [0, 1e-20, -1e-6, 1e6, -1e6, 18.75]) }
        let buffer = try bench.buffer(x)
        try SoftCap(bench.library).enqueue(buffer, cap: cap, size: size, on: bench.queue)
        let expected = try ReferenceSoftCap.apply(x, cap: cap)
        let error = worstError(try bench.floats(buffer), expected, relativeTo: x.map(abs))
        #expect(error <= Self.tolerance, "\(size) values, cap \(cap): \(error)")
      }
    }

    @Test("a soft cap of part of a buffer leaves the rest", arguments: Target.all)
    func softCapOfPart(target: Target) throws {
      let bench = try target.bench()
      let x = values(37)
      let buffer = try bench.buffer(x)
      try SoftCap(bench.library).enqueue(buffer, cap: 2, size: 19, on: bench.queue)
      let y = try bench.floats(buffer)
      #expect(sameBits(Array(y[19...]), Array(x[19...])))
      #expect(y[..<19].allSatisfy { abs($0) <= 2 })
    }

    @Test("both styles give the same bits", arguments: TestDevices.all)
    func styles(device: TestDevice) throws {
      let x = values(2 * 3 * 37)
      let results = try KernelStyle.allCases.map { style in
        let bench = try Target(device: device, style: style).bench()
        let capped = try bench.buffer(x)
        try SoftCap(bench.library).enqueue(capped, cap: 5, size: x.count, on: bench.queue)
        return try run(x, size: 37, .silu, on: bench) + run(x, size: 37, .geluTanh, on: bench) + bench.floats(capped)
      }
      #expect(sameBits(results[0], results[1]))
    }

    private func values(_ count: Int) -> [Float] {
      var generator = SeededGenerator(seed: 21)
      return generator.floats(count, magnitude: 12)
    }

    private func run(
      _ x: [Float], size: Int, _ function: Activation.Function, on bench: Bench
    ) throws -> [Float] {
      let y = try bench.output(3 * size)
      try Activation(bench.library).enqueue(
        bench.buffer(x), into: y, rows: 3, size: size, function: function, isGated: true, on: bench.queue)
      return try bench.floats(y)
    }
  }
}
