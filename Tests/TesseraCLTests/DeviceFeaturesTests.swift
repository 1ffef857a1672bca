import TestSupport
import Testing

@testable import TesseraCL

@Suite("What a driver's words mean")
struct DeviceFeaturesTests {
  private func features(
    _ version: String, _ extensions: Set<String> = [], language: Set<String> = [], maxSubgroups: Int = 0
  ) -> DeviceFeatures {
    DeviceFeatures(
      version: version, extensions: extensions, languageFeatures: language, maxSubgroups: maxSubgroups)
  }

  @Test("versions are read as numbers, and anything else as no version")
  func versions() {
    for (text, numbers) in [
      ("OpenCL 3.0 PoCL HSTR: pthread-x86_64", [3, 0]), ("OpenCL 3.1 (Build 0)", [3, 1]), ("OpenCL 1.2 CUDA", [1, 2]),
      ("OpenCL 10.11", [10, 11]), ("", [0, 0]), ("OpenCL", [0, 0]), ("OpenCL 3", [0, 0]), ("OpenCL 3.", [0, 0]),
      ("OpenGL 3.0", [0, 0]), ("OpenCL a.b", [0, 0]), ("OpenCL 1.2.3", [0, 0]),
      ("OpenCL 99999999999999999999.0", [0, 0]),
    ] { #expect(DeviceFeatures.numbers(ofVersion: text) == numbers, "\(text)") }
    #expect(features("OpenCL 1.2").isVersion(1, 2) && features("OpenCL 2.0").isVersion(1, 2))
    #expect(!features("OpenCL 1.1").isVersion(1, 2) && !features("").isVersion(1, 2))
  }

  @Test("sub-groups are an extension, the core of 2.1 and 2.2, and optional in 3.0")
  func subgroups() {
    #expect(!features("OpenCL 1.2").subgroups && !features("OpenCL 2.0").subgroups)
    #expect(features("OpenCL 2.1").subgroups && features("OpenCL 2.2").subgroups)
    #expect(!features("OpenCL 3.0").subgroups && features("OpenCL 3.0", maxSubgroups: 8).subgroups)
    #expect(features("OpenCL 3.0", language: ["__opencl_c_subgroups"]).subgroups)
    for name in ["cl_khr_subgroups", "cl_intel_subgroups"] { #expect(features("OpenCL 1.2", [name]).subgroups) }
    #expect(!features("OpenCL 1.2", ["cl_intel_subgroups_short", "cl_khr_subgroup_shuffle"]).subgroups)
  }

  @Test("number formats and dot products count as an extension or as a feature of the language")
  func formats() {
    let none = features("OpenCL 3.0", ["cl_khr_fp64_other"])
    #expect(!none.fp16 && !none.fp64 && !none.integerDotProduct)
    let old = features(
      "OpenCL 1.2", ["cl_khr_fp16", "cl_khr_fp64", "cl_khr_integer_dot_product"])
    #expect(old.fp16 && old.fp64 && old.integerDotProduct)
    let new = features(
      "OpenCL 3.1",
      language: ["__opencl_c_fp16", "__opencl_c_fp64", "__opencl_c_integer_dot_product_input_4x8bit"])
    #expect(new.fp16 && new.fp64 && new.integerDotProduct)
  }
}

extension OpenCLOnDevices {
  @Suite("Profiles keep their word")
  struct ProfileTests {
    private static let half = """
      #pragma OPENCL EXTENSION cl_khr_fp16 : enable
      kernel void k(global half *x) { x[0] = x[1] * (half)2.0f; }
      """
    private static let double = "kernel void k(global double *x) { x[0] = x[1] * 2.0; }"
    private static let subgroup = """
      #pragma OPENCL EXTENSION cl_khr_subgroups : enable
      kernel void k(global uint *x) { x[get_global_id(0)] = get_sub_group_size(); }
      """
    private static let dot = """
      kernel void k(global uint *x, global const uchar4 *a) { x[0] = dot(a[0], a[1]); }
      """

    @Test("what a profile promises compiles", arguments: TestDevices.all)
    func promises(device: TestDevice) throws {
      let context = try device.context()
      let profile = context.device.profile
      let options = profile.openCLCVersion.hasPrefix("OpenCL C 3") ? ["-cl-std=CL3.0"] : []
      for (isPromised, source, name) in [
        (profile.fp16, Self.half, "fp16"), (profile.fp64, Self.double, "fp64"),
        (profile.subgroups, Self.subgroup, "subgroups"), (profile.integerDotProduct, Self.dot, "integer dot product"),
      ] where isPromised { _ = try Program(context, source: source, name: name, options: options).kernel("k") }
    }

    @Test("every listed size of sub-groups is one that a kernel gets", arguments: TestDevices.all)
    func subgroupSizes(device: TestDevice) throws {
      let queue = try Queue(device.context())
      let profile = queue.context.device.profile
      #expect(profile.subgroupSizes == profile.subgroupSizes.sorted() && profile.subgroupSizes.allSatisfy { $0 > 0 })
      #expect(profile.subgroups || profile.subgroupSizes.isEmpty)
      guard profile.extensions.contains("cl_intel_required_subgroup_size") else { return }
      #expect(!profile.subgroupSizes.isEmpty)
      for size in profile.subgroupSizes {
        let source = Self.subgroup.replacing(
          "kernel void", with: "__attribute__((intel_reqd_sub_group_size(\(size)))) kernel void")
        let kernel = try Program(queue.context, source: source, name: "size \(size)", options: ["-cl-std=CL3.0"])
          .kernel("k")
        let x = try Buffer(queue.context, byteCount: 256)
        try queue.enqueue(kernel, over: NDRange(x: 64, local: (64, 1, 1)), x)
        #expect(try queue.read(x, as: UInt32.self, count: 64).allSatisfy { $0 == size })
      }
    }
  }
}
