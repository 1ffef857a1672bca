import Synchronization
import TesseraCL
import TesseraMemory

/// The kernels of one device, each compiled when it is first asked for and kept.
public final class KernelLibrary: Sendable {
  public let context: Context
  public let style: KernelStyle

  private let cache: ProgramCache?
  private let heldSums: Int
  private let kernels = Mutex<[Key: Kernel]>([:])

  private enum Key: Hashable {
    case variant(KernelVariant, localSize: Int)
    case program(String)
  }

  /// - Parameters:
  ///   - style: how kernels use the device; by default what suits it.
  ///   - cache: where compiled programs are kept between runs; nil keeps none.
  public init(context: Context, style: KernelStyle? = nil, cache: ProgramCache? = .standard) {
    self.context = context
    self.style = style ?? KernelStyle(for: context.device.profile)
    self.cache = cache
    heldSums = TilePlan.heldSums(vectorWidth: context.device.profile.nativeFloatVectorWidth)
  }

  /// The kernel of a variant, compiled for the style and for work-groups of `localSize` items.
  ///
  /// - Throws: `OperatorError` if there is no such file, `CLError` if it does not build.
  func kernel(_ variant: KernelVariant, localSize: Int) throws -> Kernel {
    try kernel(.variant(variant, localSize: localSize), named: variant.function) {
      let options =
        [languageOption(variant.language), "-DSIMT=\(style == .simt ? 1 : 0)"]
        + (style == .vector ? ["-DHELD_SUMS=\(heldSums)"] : ["-DLOCAL=\(localSize)"])
        + variant.defines.map { "-D\($0.name)=\($0.value)" }
      return try Program(
        context, source: try KernelSource.resolved(variant.file), name: variant.file, options: options, cache: cache)
    }
  }

  /// The kernel of a step program of these variants, over `rootCount` buffers.
  func stepProgram(_ variants: [ProgramSource.Variant], rootCount: Int) throws -> Kernel {
    let source = try ProgramSource.source(of: variants, rootCount: rootCount, heldSums: heldSums)
    let language: KernelVariant.Language = variants.contains { $0.variant.language == .c3 } ? .c3 : .c12
    return try kernel(.program(source), named: "step_program") {
      try Program(
        context, source: source, name: "step/step_program.cl", options: [languageOption(language)], cache: cache)
    }
  }

  private func kernel(_ key: Key, named name: String, _ program: () throws -> Program) throws -> Kernel {
    if let kernel = kernels.withLock({ $0[key] }) { return kernel }
    let kernel = try program().kernel(name)
    kernels.withLock { $0[key] = kernel }
    return kernel
  }

  private func languageOption(_ language: KernelVariant.Language) -> String {
    let isThree = language == .c3 && context.device.profile.openCLCVersion.hasPrefix("OpenCL C 3")
    return "-cl-std=CL\(isThree ? "3.0" : "1.2")"
  }
}
