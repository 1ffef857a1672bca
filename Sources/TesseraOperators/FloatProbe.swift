import TesseraCL

/// How a device calculates with floats, as a kernel finds it: `Kernels/common/float_probe.cl`.
///
/// Drivers tell it too (`DeviceProfile`), and may be wrong.
package struct FloatProbe: Sendable, Equatable {
  /// Shares of results that are not those of IEEE 754: of quotients and roots of normal numbers, of multiply-adds that are
  /// rounded once, of products of denormal numbers, and of products that are denormal.
  package let quotients, roots, multiplyAdds, denormalInputs, denormalResults: Double

  /// Runs the kernel, and waits for it.
  package init(_ library: KernelLibrary, queue: Queue) throws {
    let normal = Self.triples(exponents: -20...20)
    // c of 2²⁰ and more brings a denormal a back among the normal numbers; a factor under 2⁻⁴⁰ makes one of a small a.
    let inputs = Self.triples(exponents: -140 ... -128, third: 20...40)
    let results = Self.triples(exponents: -95 ... -90, third: -45 ... -40)
    let (a, b, c) = (
      try Self.run(normal, library, queue), try Self.run(inputs, library, queue), try Self.run(results, library, queue)
    )
    func share(_ triples: [[Float]], _ found: [Float], _ column: Int, _ expected: ([Float]) -> Float) -> Double {
      let wrong = triples.indices.filter { found[4 * $0 + column].bitPattern != expected(triples[$0]).bitPattern }
      return Double(wrong.count) / Double(triples.count)
    }
    quotients = share(normal, a, 0) { $0[0] / $0[1] }
    roots = share(normal, a, 1) { abs($0[0]).squareRoot() }
    multiplyAdds = share(normal, a, 2) { $0[2].addingProduct($0[0], $0[1]) }
    denormalInputs = share(inputs, b, 3) { $0[0] * $0[2] }
    denormalResults = share(results, c, 3) { $0[0] * $0[2] }
  }

  private static func run(_ triples: [[Float]], _ library: KernelLibrary, _ queue: Queue) throws -> [Float] {
    let x = try Buffer(queue.context, byteCount: triples.count * 12)
    let y = try Buffer(queue.context, byteCount: triples.count * 16)
    try queue.write(triples.flatMap { $0 }, to: x)
    try queue.enqueue(
      library.kernel(KernelVariant("common/float_probe.cl", "float_probe"), localSize: 1),
      over: NDRange(global: [triples.count], local: [1]), x, y)
    return try queue.read(y, as: Float.self, count: triples.count * 4)
  }

  /// Numbers of both signs, the same every time: two with exponents of a range, and one of another.
  private static func triples(exponents: ClosedRange<Int>, third: ClosedRange<Int>? = nil) -> [[Float]] {
    var state: UInt64 = 1
    func number(_ exponents: ClosedRange<Int>) -> Float {
      // Knuth's MMIX generator.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let word = UInt32(truncatingIfNeeded: state >> 32)
      let exponent = exponents.lowerBound + Int(word >> 24) % exponents.count
      let value = Float(sign: .plus, exponent: exponent, significand: 1 + Float(word & 0x7f_ffff) / 0x1p23)
      return word & 1 << 23 == 0 ? value : -value
    }
    return (0..<256).map { _ in [number(exponents), number(exponents), number(third ?? exponents)] }
  }
}
