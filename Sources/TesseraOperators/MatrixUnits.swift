import TesseraCL

/// Hopper's matrix units, as kernels reach them: `Kernels/common/wgmma.cl`.
package struct MatrixUnits: Sendable, Hashable {
  /// The PTX target that has their instructions.
  static let target = "sm_90a"

  /// Local memory that a work-group can have; drivers report what every work-group may have, which is less.
  package let localBytes: Int
  /// Computed in plain C: for tests, on any device.
  package let isEmulated: Bool

  /// - Parameter emulatedLocalBytes: what plain C may use.
  package init(emulatedLocalBytes: Int) { (localBytes, isEmulated) = (emulatedLocalBytes, true) }

  /// Units that a device is known to have: for plans.
  package init(localBytes: Int) { (self.localBytes, isEmulated) = (localBytes, false) }

  /// The device's units, or nil: what counts is that a kernel which uses them is built, runs and is right.
  package static func probe(_ library: KernelLibrary) -> MatrixUnits? {
    guard library.style == .simt, library.context.device.profile.computeCapability != nil else { return nil }
    for kibibytes in [192, 96] where hasUnits(library, localBytes: kibibytes << 10) {
      return MatrixUnits(localBytes: kibibytes << 10)
    }
    return nil
  }

  /// In a context of its own, which a fault would end.
  private static func hasUnits(_ library: KernelLibrary, localBytes: Int) -> Bool {
    let variant = KernelVariant(
      "common/wgmma_probe.cl", "probe", [.init("PROBED_BYTES", localBytes)], target: target)
    do {
      let probing = KernelLibrary(context: try Context(library.context.device), style: .simt)
      let queue = try Queue(probing.context)
      let answer = try Buffer(probing.context, byteCount: 4)
      let scratch = try Buffer(probing.context, byteCount: 128 * 16)
      try queue.write([UInt32(0)], to: answer)
      try queue.enqueue(
        probing.kernel(variant, localSize: 128), over: NDRange(global: [128], local: [128]), answer, scratch)
      return try queue.read(answer, as: UInt32.self, count: 1) == [0]
    } catch {
      return false
    }
  }

  /// Constants of kernels that use them, and the target to compile for.
  var defines: [KernelVariant.Define] { isEmulated ? [.init("EMULATED", 1)] : [] }
  var target: String? { isEmulated ? nil : Self.target }
}
