/// A kernel and the constants that it is compiled with.
public struct KernelVariant: Hashable, Sendable {
  /// A preprocessor constant.
  public struct Define: Hashable, Sendable {
    public var name: String
    public var value: Int

    public init(_ name: String, _ value: Int) {
      self.name = name
      self.value = value
    }
  }

  /// A version of OpenCL C; `c3` only where the device has it, else 1.2.
  public enum Language: String, Hashable, Sendable {
    case c12, c3
  }

  /// The file's path below `Kernels/`.
  public var file: String
  /// The kernel's name; its body is `function_body` (`Kernels/common/kernel.cl`).
  public var function: String
  public var defines: [Define]
  public var language: Language

  public init(_ file: String, _ function: String, _ defines: [Define] = [], language: Language = .c12) {
    self.file = file
    self.function = function
    self.defines = defines
    self.language = language
  }
}
