/// A kernel and the constants that it is compiled with.
package struct KernelVariant: Hashable, Sendable {
  /// A preprocessor constant.
  package struct Define: Hashable, Sendable {
    package var name: String
    package var value: Int

    package init(_ name: String, _ value: Int) {
      self.name = name
      self.value = value
    }
  }

  /// A version of OpenCL C; `c3` only where the device has it, else 1.2.
  package enum Language: String, Hashable, Sendable {
    case c12, c3
  }

  /// The file's path below `Kernels/`.
  package var file: String
  /// The kernel's name; its body is `function_body` (`Kernels/common/kernel.cl`).
  package var function: String
  package var defines: [Define]
  package var language: Language
  /// The PTX target that its assembly needs (`Program`); nil: the device's own.
  package var target: String?

  package init(
    _ file: String, _ function: String, _ defines: [Define] = [], language: Language = .c12, target: String? = nil
  ) {
    self.file = file
    self.function = function
    self.defines = defines
    self.language = language
    self.target = target
  }
}
