/// The searches of `Kernels/quantization/quantize_4_k.cl` and `quantize_6_k.cl` as plain loops, with the same operations in
/// the same order.
enum QuantizerSearch {
  /// Q4_K (15 steps) and Q5_K (31).
  static func withMinima(_ x: [Float], steps: Float) -> [UInt8] {
    let parts = (0..<8).map { Array(x[32 * $0..<32 * $0 + 32]) }
    let fits = parts.map { Line.best($0, steps: steps) }
    let d = half((fits.map(\.scale).max() ?? 0) / 63), dmin = half((fits.map(\.minimum).max() ?? 0) / 63)
    let chosen = zip(parts, fits).map { part, fit -> (step: Float, offset: Float) in
      let step = (fit.scale * inverse(d.value)).rounded(.toNearestOrEven)
      let offset = (fit.minimum * inverse(dmin.value)).rounded(.toNearestOrEven)
      var best = (error: Float.greatestFiniteMagnitude, step: Float(0), offset: Float(0))
      let mean = sum(part) * -0.03125
      for k in 0..<10 {
        let at = (k + 4) % 9
        let tried =
          k < 9
          ? (step: limited(step + Float(at / 3 - 1), 0, 63), offset: limited(offset + Float(at % 3 - 1), 0, 63))
          : (step: 0, offset: limited(mean * inverse(dmin.value), 0, 63).rounded(.toNearestOrEven))
        let error = Line(scale: d.value * tried.step, minimum: dmin.value * tried.offset).error(part, steps: steps)
        if error < best.error { best = (error, tried.step, tried.offset) }
      }
      return (best.step, best.offset)
    }
    let scales = chosen.map { UInt8($0.step) }, minima = chosen.map { UInt8($0.offset) }
    var bytes = ReferenceQuantization.littleEndian(d.bits) + ReferenceQuantization.littleEndian(dmin.bits)
    bytes += (0..<4).map { scales[$0] | (scales[$0 + 4] >> 4) << 6 }
    bytes += (0..<4).map { minima[$0] | (minima[$0 + 4] >> 4) << 6 }
    bytes += (4..<8).map { scales[$0] & 15 | (minima[$0] & 15) << 4 }
    let quants = zip(parts, chosen).map { part, pair in
      let line = Line(scale: d.value * pair.step, minimum: dmin.value * pair.offset)
      return part.map { UInt8(line.quant($0, inverse(line.scale), steps)) }
    }
    if steps > 15 { bytes += (0..<32).map { i in (0..<8).reduce(0) { $0 | (quants[$1][i] >> 4) << UInt8($1) } } }
    for j in stride(from: 0, to: 8, by: 2) {
      bytes += (0..<32).map { quants[j][$0] & 15 | (quants[j + 1][$0] & 15) << 4 }
    }
    return bytes
  }

  /// Q6_K.
  static func signedParts(_ x: [Float]) -> [UInt8] {
    let parts = (0..<16).map { Array(x[16 * $0..<16 * $0 + 16]) }
    let fits = parts.map(bestScale)
    let d = half(fits.reduce(0) { abs($1) > abs($0) ? $1 : $0 } * -0.0078125)
    let steps = zip(parts, fits).map { part, fit -> Float in
      let step = (fit * inverse(d.value)).rounded(.toNearestOrEven)
      var best = (error: Float.greatestFiniteMagnitude, step: Float(0))
      for k in 0..<3 {
        let tried = limited(step + Float((k + 1) % 3 - 1), -128, 127)
        let scale = d.value * tried
        let rest = part.map { scale * quant6($0, inverse(scale)) - $0 }
        let error = total(rest.map { $0 * $0 })
        if error < best.error { best = (error, tried) }
      }
      return best.step
    }
    let quants = x.indices.map { UInt8(quant6(x[$0], inverse(d.value * steps[$0 / 16])) + 32) }
    var nibbles: [UInt8] = []
    var pairs: [UInt8] = []
    for side in [0, 128] {
      for c in [0, 32] {
        nibbles += (0..<32).map { quants[side + c + $0] & 15 | (quants[side + c + 64 + $0] & 15) << 4 }
      }
      pairs += (0..<32).map { i in (0..<4).reduce(0) { $0 | (quants[side + 32 * $1 + i] >> 4) << UInt8(2 * $1) } }
    }
    return nibbles + pairs + steps.map { UInt8(bitPattern: Int8($0)) } + ReferenceQuantization.littleEndian(d.bits)
  }

  /// The scale with the least squared error, of those that bring the largest element to −32 … −24.
  private static func bestScale(_ x: [Float]) -> Float {
    let most = x.reduce(x[0]) { max($0, $1) }, least = x.reduce(x[0]) { min($0, $1) }
    let largest = most >= -least ? most : least
    guard largest.isNormal else { return 0 }
    var best = (gain: Float(0), scale: Float(0))
    for width in 0..<17 {
      let inverse = (-32 + 0.5 * Float(width)) / largest
      let q = x.map { quant6($0, inverse) }
      let squares = total(q.map { $0 * $0 }), products = total(zip(q, x).map { $0 * $1 })
      let scale = products / squares
      if scale * products > best.gain { best = (scale * products, scale) }
    }
    return best.scale
  }

  private static func quant6(_ x: Float, _ inverse: Float) -> Float {
    limited((x * inverse).rounded(.toNearestOrEven), -32, 31)
  }

  /// x ≈ scale · q − minimum.
  private struct Line {
    var scale: Float
    var minimum: Float

    func quant(_ x: Float, _ inverse: Float, _ steps: Float) -> Float {
      limited(((x + minimum) * inverse).rounded(.toNearestOrEven), 0, steps)
    }

    func error(_ x: [Float], steps: Float) -> Float {
      let inverse = inverse(scale)
      let rest = x.map { (-minimum).addingProduct(scale, quant($0, inverse, steps)) - $0 }
      return QuantizerSearch.products(rest, rest)
    }

    static func best(_ x: [Float], steps: Float) -> Line {
      let least = x.reduce(0) { min($0, $1) }, most = x.reduce(x[0]) { max($0, $1) }, sum = QuantizerSearch.sum(x)
      var best = Line(scale: 0, minimum: 0 - least)
      guard (most - least).isNormal else { return best }
      var bestError = Float.greatestFiniteMagnitude
      for width in 0..<12 {
        var line = Line(scale: 0, minimum: 0 - least)
        var inverseStep = (steps - 2 + 0.5 * Float(width)) / (most - least)
        for _ in 0..<2 {
          let (next, error) = fitted(x, from: line, inverseStep, sum: sum, steps: steps)
          if error < bestError { (best, bestError) = (next, error) }
          guard next.scale > 0 else { break }
          (line, inverseStep) = (next, inverse(next.scale))
        }
      }
      return best
    }

    private static func fitted(
      _ x: [Float], from line: Line, _ inverse: Float, sum: Float, steps: Float
    ) -> (Line, error: Float) {
      let q = x.map { line.quant($0, inverse, steps) }
      let count = q.reduce(0, +), squares = q.reduce(0) { $0 + $1 * $1 }, products = QuantizerSearch.products(q, x)
      let determinant = 32 * squares - count * count
      var scale: Float = 0, offset: Float = 0
      if determinant > 0 {
        scale = (-(sum * count)).addingProduct(32, products) / determinant
        offset = (-(count * products)).addingProduct(squares, sum) / determinant
      }
      if determinant <= 0 || offset > 0 {
        offset = 0
        scale = squares > 0 ? products / squares : 0
      }
      let error = scale > 0 ? -(offset * sum).addingProduct(scale, products) : Float.greatestFiniteMagnitude
      return (Line(scale: scale, minimum: 0 - offset), error)
    }
  }

  /// The sum of sixteen: those eight places apart first, then four, two and one.
  private static func total(_ x: [Float]) -> Float {
    x.count == 1 ? x[0] : total((0..<x.count / 2).map { x[$0] + x[$0 + x.count / 2] })
  }

  /// The sum of 32, those sixteen places apart first.
  private static func sum(_ x: [Float]) -> Float { total((0..<16).map { x[$0] + x[$0 + 16] }) }

  /// The sum of 32 products.
  private static func products(_ x: [Float], _ y: [Float]) -> Float {
    total((0..<16).map { (x[$0] * y[$0]).addingProduct(x[$0 + 16], y[$0 + 16]) })
  }

  private static func half(_ value: Float) -> (bits: UInt16, value: Float) {
    let bits = ReferenceHalf.half(fromFloat: min(max(value, -65504), 65504))
    return (bits, ReferenceHalf.float(fromHalf: bits))
  }

  private static func inverse(_ d: Float) -> Float { ReferenceQuantization.inverse(d) }

  private static func limited(_ value: Float, _ least: Float, _ most: Float) -> Float { min(max(value, least), most) }
}
