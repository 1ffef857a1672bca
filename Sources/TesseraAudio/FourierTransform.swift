#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The powers of the spectrum of 400 real numbers, of eight such rows at a time, one a lane.
///
/// Even elements are the real parts and odd ones the imaginary parts of 200 complex numbers (200 = 4 · 5 · 5 · 2), whose
/// transform goes through one stage of each radix in Stockham's order, which sorts by itself; the two halves of the real
/// transform are taken apart at the end.
/// Source: C. Van Loan, "Computational Frameworks for the Fast Fourier Transform" (1992), 1.7 and 4.3.
struct FourierTransform: Sendable {
  typealias Lanes = SIMD8<Float>

  /// Numbers of a row.
  static let size = 400
  /// Powers: at the frequencies 0 to half of the rate.
  static let binCount = size / 2 + 1
  private static let half = size / 2
  /// Elements of the working memory that `powers` needs.
  static let scratchCount = 4 * half

  /// cos and sin of -2πi / 400: every second is a root of the complex transform.
  private let roots: [SIMD2<Float>]

  init() {
    roots = (0..<Self.size).map { index in
      let angle = -2 * Double.pi * Double(index) / Double(Self.size)
      return SIMD2(Float(cos(angle)), Float(sin(angle)))
    }
  }

  /// - Parameters:
  ///   - scratch: `scratchCount` elements; the first 400 are the rows' numbers, the real parts of the 200 complex ones
  ///     before all imaginary parts. All are overwritten.
  ///   - powers: `binCount` elements, filled with the squares of the spectrum's magnitudes.
  func powers(_ scratch: UnsafeMutablePointer<Lanes>, _ powers: UnsafeMutablePointer<Lanes>) {
    roots.withUnsafeBufferPointer { roots in
      guard let roots = roots.baseAddress else { return }
      let half = Self.half
      let a = Complex(re: scratch, im: scratch + half)
      let b = Complex(re: scratch + 2 * half, im: scratch + 3 * half)
      Self.radix4(a, b, count: 200, stride: 1, roots)
      Self.radix5(b, a, count: 50, stride: 4, roots)
      Self.radix5(a, b, count: 10, stride: 20, roots)
      Self.radix2(b, a, stride: 100)
      for bin in 0...half {
        let (low, high) = (bin % half, (half - bin) % half)
        let (evenRe, evenIm) = (a.re[low] + a.re[high], a.im[low] - a.im[high])
        let (oddRe, oddIm) = (a.im[low] + a.im[high], a.re[high] - a.re[low])
        let root = roots[bin]
        let re = evenRe + (oddRe * root.x - oddIm * root.y)
        let im = evenIm + (oddRe * root.y + oddIm * root.x)
        powers[bin] = (re * re + im * im) * 0.25
      }
    }
  }

  private struct Complex {
    let re: UnsafeMutablePointer<Lanes>
    let im: UnsafeMutablePointer<Lanes>

    @inline(__always)
    func store(_ index: Int, _ re: Lanes, _ im: Lanes, times root: SIMD2<Float>) {
      self.re[index] = re * root.x - im * root.y
      self.im[index] = re * root.y + im * root.x
    }
  }

  private static func radix4(
    _ x: Complex, _ y: Complex, count: Int, stride: Int, _ roots: UnsafePointer<SIMD2<Float>>
  ) {
    let quarter = count / 4, step = quarter * stride
    for p in 0..<quarter {
      let (one, two, three) = (roots[2 * p * stride], roots[4 * p * stride], roots[6 * p * stride])
      for q in 0..<stride {
        let i = q + stride * p, o = q + stride * 4 * p
        let (sumRe, sumIm) = (x.re[i] + x.re[i + 2 * step], x.im[i] + x.im[i + 2 * step])
        let (differenceRe, differenceIm) = (x.re[i] - x.re[i + 2 * step], x.im[i] - x.im[i + 2 * step])
        let (otherRe, otherIm) = (x.re[i + step] + x.re[i + 3 * step], x.im[i + step] + x.im[i + 3 * step])
        let (turnedRe, turnedIm) = (x.im[i + step] - x.im[i + 3 * step], x.re[i + 3 * step] - x.re[i + step])
        y.re[o] = sumRe + otherRe
        y.im[o] = sumIm + otherIm
        y.store(o + stride, differenceRe + turnedRe, differenceIm + turnedIm, times: one)
        y.store(o + 2 * stride, sumRe - otherRe, sumIm - otherIm, times: two)
        y.store(o + 3 * stride, differenceRe - turnedRe, differenceIm - turnedIm, times: three)
      }
    }
  }

  private static func radix5(
    _ x: Complex, _ y: Complex, count: Int, stride: Int, _ roots: UnsafePointer<SIMD2<Float>>
  ) {
    let fifth = count / 5, step = fifth * stride
    // cos and sin of 2π/5 and of 4π/5.
    let cos1: Float = 0.309_016_994_374_947_45, cos2: Float = -0.809_016_994_374_947_45
    let sin1: Float = 0.951_056_516_295_153_5, sin2: Float = 0.587_785_252_292_473_1
    for p in 0..<fifth {
      let (one, two) = (roots[2 * p * stride], roots[4 * p * stride])
      let (three, four) = (roots[6 * p * stride], roots[8 * p * stride])
      for q in 0..<stride {
        let i = q + stride * p, o = q + stride * 5 * p
        let (re0, im0) = (x.re[i], x.im[i])
        let (re1, im1) = (x.re[i + step] + x.re[i + 4 * step], x.im[i + step] + x.im[i + 4 * step])
        let (re2, im2) = (x.re[i + 2 * step] + x.re[i + 3 * step], x.im[i + 2 * step] + x.im[i + 3 * step])
        let (re3, im3) = (x.re[i + 2 * step] - x.re[i + 3 * step], x.im[i + 2 * step] - x.im[i + 3 * step])
        let (re4, im4) = (x.re[i + step] - x.re[i + 4 * step], x.im[i + step] - x.im[i + 4 * step])
        y.re[o] = re0 + re1 + re2
        y.im[o] = im0 + im1 + im2
        let (nearRe, nearIm) = (re0 + re1 * cos1 + re2 * cos2, im0 + im1 * cos1 + im2 * cos2)
        let (farRe, farIm) = (re0 + re1 * cos2 + re2 * cos1, im0 + im1 * cos2 + im2 * cos1)
        // Turned by a quarter, clockwise.
        let (nearTurnRe, nearTurnIm) = (im4 * sin1 + im3 * sin2, -(re4 * sin1 + re3 * sin2))
        let (farTurnRe, farTurnIm) = (im4 * sin2 - im3 * sin1, -(re4 * sin2 - re3 * sin1))
        y.store(o + stride, nearRe + nearTurnRe, nearIm + nearTurnIm, times: one)
        y.store(o + 2 * stride, farRe + farTurnRe, farIm + farTurnIm, times: two)
        y.store(o + 3 * stride, farRe - farTurnRe, farIm - farTurnIm, times: three)
        y.store(o + 4 * stride, nearRe - nearTurnRe, nearIm - nearTurnIm, times: four)
      }
    }
  }

  /// The last stage, which turns nothing.
  private static func radix2(_ x: Complex, _ y: Complex, stride: Int) {
    for q in 0..<stride {
      let (re0, im0, re1, im1) = (x.re[q], x.im[q], x.re[q + stride], x.im[q + stride])
      (y.re[q], y.im[q]) = (re0 + re1, im0 + im1)
      (y.re[q + stride], y.im[q + stride]) = (re0 - re1, im0 - im1)
    }
  }
}
