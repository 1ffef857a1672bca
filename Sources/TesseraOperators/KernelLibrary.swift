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

  private struct Key: Hashable {
    var file: String
    var name: String
    var defines: [Define]
    var language: Language
  }

  /// A version of OpenCL C; `c3` only where the device has it, else 1.2.
  enum Language: Hashable {
    case c12, c3
  }

  /// - Parameters:
  ///   - style: how kernels use the device; by default what suits it.
  ///   - cache: where compiled programs are kept between runs; nil keeps none.
  public init(context: Context, style: KernelStyle? = nil, cache: ProgramCache? = ProgramCache()) {
    self.context = context
    self.style = style ?? KernelStyle(for: context.device.profile)
    self.cache = cache
    heldSums = TilePlan.heldSums(vectorWidth: context.device.profile.nativeFloatVectorWidth)
  }

  /// A preprocessor constant of a kernel's variant.
  struct Define: Hashable, Sendable {
    var name: String
    var value: Int

    init(_ name: String, _ value: Int) {
      self.name = name
      self.value = value
    }
  }

  /// The kernel `name` of the file at `path` below `Kernels/`, compiled with the style's and the given constants.
  ///
  /// - Throws: `OperatorError` if there is no such file, `CLError` if it does not build.
  func kernel(_ path: String, _ name: String, _ defines: [Define] = [], language: Language = .c12) throws -> Kernel {
    let key = Key(file: path, name: name, defines: defines, language: language)
    if let kernel = kernels.withLock({ $0[key] }) { return kernel }
    let isThree = language == .c3 && context.device.profile.openCLCVersion.hasPrefix("OpenCL C 3")
    let options =
      ["-cl-std=CL\(isThree ? "3.0" : "1.2")", "-DSIMT=\(style == .simt ? 1 : 0)"]
      + (style == .vector ? ["-DHELD_SUMS=\(heldSums)"] : [])
      + defines.map { "-D\($0.name)=\($0.value)" }
    let program = try Program(
      context, source: try KernelSource.resolved(path), name: path, options: options, cache: cache)
    let kernel = try program.kernel(name)
    kernels.withLock { $0[key] = kernel }
    return kernel
  }
}
