import TesseraCL

/// How a device sums products of 8-bit integers: `DOT_8` in `Kernels/matmul/dot_8.cl`. All give the same bits.
public enum IntegerDot: Int, Sendable, CaseIterable {
  /// Plain C; in the vector style compilers for CPUs make one instruction of it.
  case plain = 0
  /// `cl_khr_integer_dot_product`.
  case khronos = 1
  /// NVIDIA's `dp4a`.
  case dp4a = 2
  /// x86's products of bytes, where the driver's compiler is clang for that very CPU.
  case x86 = 3

  /// What is faster than float32 on the library's device in its style; nil where nothing is known to be.
  ///
  /// CPUs were measured, and are taken only as measured: PoCL on x86, and Intel's driver, whose compiler makes pairs of
  /// products of the plain form, but a call of every `dot`. GPUs have the instruction where they have its name.
  static func best(_ library: KernelLibrary) throws -> IntegerDot? {
    let profile = library.context.device.profile
    switch library.style {
    case .vector:
      if try hasX86Bytes(library) { return .x86 }
      return profile.type == .cpu && profile.integerDotProduct ? .plain : nil
    case .simt:
      guard profile.type != .cpu else { return nil }
      if let capability = profile.computeCapability, !capability.lexicographicallyPrecedes([6, 1]) { return .dp4a }
      return profile.integerDotProduct ? .khronos : nil
    }
  }

  /// Whether `x86` compiles; only the driver's compiler knows.
  static func hasX86Bytes(_ library: KernelLibrary) throws -> Bool {
    let queue = try Queue(library.context)
    let answer = try Buffer(library.context, byteCount: 4)
    try queue.enqueue(
      library.kernel("matmul/dot_8_probe.cl", "has_x86_bytes"), over: NDRange(global: [1], local: [1]), answer)
    return try queue.read(answer, as: UInt32.self, count: 1) == [1]
  }

  /// What kernels that sum so are compiled with.
  var define: KernelLibrary.Define { .init("DOT_8", rawValue) }
  /// The extension's functions belong to OpenCL C 3.0.
  var language: KernelLibrary.Language { self == .khronos ? .c3 : .c12 }
}
