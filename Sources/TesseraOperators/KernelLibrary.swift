import Synchronization
import TesseraCL
import TesseraMemory

/// The kernels of one device, each compiled when it is first asked for and kept.
package final class KernelLibrary: Sendable {
  package let context: Context
  package let style: KernelStyle
  /// Units of the device that work is cut for.
  let computeUnits: Int

  private let cache: ProgramCache?
  private let heldSums: Int
  private let kernels = Mutex<[Variant: Kernel]>([:])
  private let programs = Mutex(RecentTable<StepVariants, StepKernel>(limit: 64))

  struct Variant: Hashable {
    var variant: KernelVariant
    var localSize: Int
  }

  /// What a step program's source is made of.
  struct StepVariants: Hashable {
    var variants: Set<ProgramSource.Variant>
    /// Buffers.
    var rootCount: Int

    /// Whether steps of `other` can run by a program of these.
    func covers(_ other: Self) -> Bool { rootCount >= other.rootCount && variants.isSuperset(of: other.variants) }
  }

  /// The kernel of a step program, and what its cases are.
  struct StepKernel {
    let kernel: Kernel
    /// The number of each variant.
    let numbers: [ProgramSource.Variant: Int]
    let rootCount: Int
  }

  /// - Parameters:
  ///   - style: how kernels use the device; by default what suits it.
  ///   - cache: where compiled programs are kept between runs; nil keeps none.
  ///   - computeUnits: other than the device's own, to see how work is cut for another.
  package init(
    context: Context, style: KernelStyle? = nil, cache: ProgramCache? = .standard, computeUnits: Int? = nil
  ) {
    self.context = context
    self.computeUnits = computeUnits ?? context.device.profile.computeUnits
    self.style = style ?? KernelStyle(for: context.device.profile)
    self.cache = cache
    heldSums = TilePlan.heldSums(vectorWidth: context.device.profile.nativeFloatVectorWidth)
  }

  /// The variants that were compiled so far.
  package var variants: [KernelVariant] { kernels.withLock { $0.keys.map(\.variant) } }

  /// Step programs that are kept.
  package var stepProgramCount: Int { programs.withLock { $0.count } }

  func isCompiled(_ variant: Variant) -> Bool { kernels.withLock { $0[variant] != nil } }

  /// The kernel of a variant, compiled for the style and for work-groups of `localSize` items.
  ///
  /// - Throws: `OperatorError` if there is no such file, `CLError` if it does not build.
  func kernel(_ variant: KernelVariant, localSize: Int) throws -> Kernel {
    let key = Variant(variant: variant, localSize: localSize)
    if let kernel = kernels.withLock({ $0[key] }) { return kernel }
    let options =
      [languageOption(variant.language), "-DSIMT=\(style == .simt ? 1 : 0)"]
      + (style == .vector ? ["-DHELD_SUMS=\(heldSums)"] : ["-DLOCAL=\(localSize)"])
      + variant.defines.map { "-D\($0.name)=\($0.value)" }
    let program = try Program(
      context, source: try KernelSource.resolved(variant.file), name: variant.file, options: options,
      target: variant.target,
      cache: cache)
    let kernel = try program.kernel(variant.function)
    kernels.withLock { $0[key] = kernel }
    return kernel
  }

  /// The kernel of a step program that has these variants: the smallest of those that are there, else one of these alone. Those
  /// that were used last are kept.
  func stepProgram(_ wanted: StepVariants) throws -> StepKernel {
    let found = programs.withLock { programs in
      programs.keys.filter { $0.covers(wanted) }
        .min { ($0.variants.count, $0.rootCount) < ($1.variants.count, $1.rootCount) }.flatMap { programs[$0] }
    }
    if let found { return found }
    // The same variants make the same program, whatever the order of a step's commands.
    let variants = wanted.variants.sorted { $0.order < $1.order }
    let source = try ProgramSource.source(of: variants, rootCount: wanted.rootCount, heldSums: heldSums)
    let language: KernelVariant.Language = variants.contains { $0.variant.language == .c3 } ? .c3 : .c12
    let program = try Program(
      context, source: source, name: "step/step_program.cl", options: [languageOption(language)], cache: cache)
    let kernel = StepKernel(
      kernel: try program.kernel("step_program"),
      numbers: Dictionary(uniqueKeysWithValues: zip(variants, variants.indices)), rootCount: wanted.rootCount)
    programs.withLock { $0.insert(kernel, for: wanted) }
    return kernel
  }

  private func languageOption(_ language: KernelVariant.Language) -> String {
    let isThree = language == .c3 && context.device.profile.openCLCVersion.hasPrefix("OpenCL C 3")
    return "-cl-std=CL\(isThree ? "3.0" : "1.2")"
  }
}
