/// Features that kernels may use, by a driver's version, extensions and language features together.
///
/// Some extensions became features of OpenCL C 3.0, and may then no longer be listed as extensions.
/// Source: OpenCL 3.0 API specification, appendix "OpenCL 3.0 backwards compatibility".
struct DeviceFeatures {
  /// [major, minor], of the device.
  let version: [Int]
  let extensions: Set<String>
  /// Of OpenCL C 3.0, e.g. `__opencl_c_fp64`.
  let languageFeatures: Set<String>
  /// `CL_DEVICE_MAX_NUM_SUB_GROUPS`, 0 where the device has none or is older than 2.1.
  let maxSubgroups: Int

  /// - Parameter version: as `CL_DEVICE_VERSION` has it, e.g. "OpenCL 3.0 PoCL HSTR: …".
  init(version: String, extensions: Set<String>, languageFeatures: Set<String>, maxSubgroups: Int) {
    self.version = Self.numbers(ofVersion: version)
    self.extensions = extensions
    self.languageFeatures = languageFeatures
    self.maxSubgroups = maxSubgroups
  }

  var fp16: Bool { has("cl_khr_fp16", or: "__opencl_c_fp16") }
  var fp64: Bool { has("cl_khr_fp64", or: "__opencl_c_fp64") }

  /// 8-bit dot products: `dot(char4, char4)`.
  var integerDotProduct: Bool {
    has("cl_khr_integer_dot_product", or: "__opencl_c_integer_dot_product_input_4x8bit")
  }

  /// An extension up to 2.0, in the core of 2.1 and 2.2, optional in 3.0.
  var subgroups: Bool {
    if has("cl_khr_subgroups", or: "__opencl_c_subgroups") || extensions.contains("cl_intel_subgroups") { return true }
    return isVersion(2, 1) && (!isVersion(3, 0) || maxSubgroups > 0)
  }

  func isVersion(_ major: Int, _ minor: Int) -> Bool { !version.lexicographicallyPrecedes([major, minor]) }

  /// [3, 0] of "OpenCL 3.0 …"; [0, 0] of anything else.
  static func numbers(ofVersion text: String) -> [Int] {
    let words = text.split(separator: " ")
    guard words.count > 1, words[0] == "OpenCL" else { return [0, 0] }
    let numbers = words[1].split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { return [0, 0] }
    return [major, minor]
  }

  private func has(_ name: String, or feature: String) -> Bool {
    extensions.contains(name) || languageFeatures.contains(feature)
  }
}
