import TesseraCL

/// How a device sums products of 8-bit integers: `DOT_8` in `Kernels/matmul/dot_8.cl`. All give the same bits.
package enum IntegerDot: Int, Sendable, CaseIterable {
  /// Plain C; in the vector style compilers for CPUs make one instruction of it.
  case plain = 0
  /// `cl_khr_integer_dot_product`.
  case khronos = 1
  /// NVIDIA's `dp4a`.
  case dp4a = 2
  /// x86's products of bytes, where the driver's compiler is clang for that very CPU.
  case x86 = 3
  /// AVX-512's `vpdpbusd`, there.
  case x86VNNI = 4
  /// NVIDIA's products of small matrices (`Kernels/common/mma.cl`) for many tokens.
  case tensor = 5
  /// The same emulated, and plain C for few: for tests.
  case emulatedTensor = 6

  /// The way that is faster than float32 on the library's device in its style; nil where none is known.
  ///
  /// CPUs in the vector style were measured, and are taken only as measured: PoCL on x86, and Intel's driver, whose
  /// compiler makes pairs of products of the plain form, but a call of every `dot`. Else what has an instruction by name
  /// is taken to gain by it, and plain C is not.
  static func best(_ library: KernelLibrary) throws -> IntegerDot? {
    let profile = library.context.device.profile
    switch library.style {
    case .vector:
      if let x86 = try bestX86(library) { return x86 }
      return profile.type == .cpu && profile.integerDotProduct ? .plain : nil
    case .simt:
      if let capability = profile.computeCapability, !capability.lexicographicallyPrecedes([6, 1]) {
        return try hasTensor(library) ? .tensor : .dp4a
      }
      return profile.integerDotProduct ? .khronos : nil
    }
  }

  /// The best of x86 in the vector style; only the driver's compiler and the CPU know.
  static func bestX86(_ library: KernelLibrary) throws -> IntegerDot? {
    let queue = try Queue(library.context)
    let answer = try Buffer(library.context, byteCount: 4)
    try queue.enqueue(
      library.kernel(KernelVariant("matmul/dot_8_probe.cl", "best_x86"), localSize: 1),
      over: NDRange(global: [1], local: [1]), answer)
    let best = try queue.read(answer, as: UInt32.self, count: 1).first.flatMap { IntegerDot(rawValue: Int($0)) }
    return best == .plain ? nil : best
  }

  /// Whether the driver's compiler takes the products of small matrices, and the device computes them right.
  ///
  /// Asked only of NVIDIA's devices, whose compiler says so where it does not know an instruction.
  static func hasTensor(_ library: KernelLibrary) throws -> Bool {
    guard let capability = library.context.device.profile.computeCapability,
      !capability.lexicographicallyPrecedes([8, 0])
    else { return false }
    do {
      // In a context of its own, which a fault would end.
      let probing = KernelLibrary(context: try Context(library.context.device), style: .simt)
      return try probe(probing).allSatisfy { $0 == 3 }
    } catch is CLError {
      return false
    }
  }

  /// What each lane of a warp answers: bit 0 for bytes, bit 1 for halves.
  static func probe(_ library: KernelLibrary, defines: [KernelVariant.Define] = []) throws -> [UInt32] {
    let queue = try Queue(library.context)
    let answers = try Buffer(library.context, byteCount: 32 * 4)
    try queue.enqueue(
      library.kernel(KernelVariant("matmul/mma_probe.ptx.cl", "probe_mma", defines), localSize: 32),
      over: NDRange(global: [32], local: [32]), answers)
    return try queue.read(answers, as: UInt32.self, count: 32)
  }

  /// Whether products of many tokens are a kernel of their own.
  var isTensor: Bool { self == .tensor || self == .emulatedTensor }
  /// How a few tokens' products are summed.
  var ofFew: IntegerDot {
    switch self {
    case .tensor: .dp4a
    case .emulatedTensor: .plain
    default: self
    }
  }
  /// Constants of kernels that sum in this way.
  var define: KernelVariant.Define { .init("DOT_8", ofFew.rawValue) }
  /// The extension's functions belong to OpenCL C 3.0.
  var language: KernelVariant.Language { self == .khronos ? .c3 : .c12 }
}
