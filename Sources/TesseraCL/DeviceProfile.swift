import COpenCL

/// A device's properties and abilities, as its driver reports them.
public struct DeviceProfile: Sendable, Equatable {
  public enum DeviceType: String, Sendable { case cpu, gpu, accelerator, other }

  /// Position among all devices of all platforms.
  public let index: Int
  public let platformName: String
  public let platformVersion: String
  public let name: String
  public let vendor: String
  public let type: DeviceType
  /// It says that it is a CPU and a GPU, as simulators do, whose compilers take one program at a time.
  package let isSimulator: Bool
  public let driverVersion: String
  public let openCLVersion: String
  public let openCLCVersion: String
  public let computeUnits: Int
  public let maxFrequencyMHz: Int
  /// Floats that the device likes in a vector, and that its registers hold.
  public let preferredFloatVectorWidth: Int
  public let nativeFloatVectorWidth: Int
  public let localMemoryBytes: Int
  /// Local memory is memory of its own, not global memory behind a cache.
  public let localMemoryIsDedicated: Bool
  public let globalMemoryBytes: Int
  public let globalCacheBytes: Int
  /// The largest single buffer.
  public let maxAllocationBytes: Int
  public let maxWorkGroupSize: Int
  /// The alignment of a sub-buffer's offset, in bytes.
  public let baseAddressAlignment: Int
  public let extensions: Set<String>
  public let fp16: Bool
  public let fp64: Bool
  /// How the device calculates with floats of 32 bits.
  package let singleFloat: FloatFeatures
  public let subgroups: Bool
  /// Sizes that sub-groups can have, ascending, where the driver tells.
  public let subgroupSizes: [Int]
  public let integerDotProduct: Bool
  /// Commands can be recorded once and run again, by an interface that Tessera knows.
  public let commandBuffers: Bool
  /// [major, minor, patch] of the driver's command buffers, known or not; nil where it has none or does not tell.
  package let commandBufferVersion: [Int]?
  /// Whether steps are recorded and sent to the device by one call each: only on GPUs, since drivers of CPUs gain nothing by it,
  /// and one of them keeps memory for each command that runs again.
  package var recordsSteps: Bool { type == .gpu && commandBuffers }
  /// NVIDIA's compute capability, e.g. [9, 0].
  public let computeCapability: [Int]?
  /// Why Tessera cannot use the device; nil where it can.
  public let reason: String?
  public var isUsable: Bool { reason == nil }

  init(device: cl_device_id, platform: cl_platform_id, index: Int) {
    func string(_ parameter: Int32) -> String { Info.device(device, parameter).string }
    func int(_ parameter: Int32) -> Int { Info.device(device, parameter).int ?? 0 }

    self.index = index
    platformName = Info.platform(platform, CL_PLATFORM_NAME).string
    platformVersion = Info.platform(platform, CL_PLATFORM_VERSION).string
    name = string(CL_DEVICE_NAME)
    vendor = string(CL_DEVICE_VENDOR)
    driverVersion = string(CL_DRIVER_VERSION)
    openCLVersion = string(CL_DEVICE_VERSION)
    openCLCVersion = string(CL_DEVICE_OPENCL_C_VERSION)
    let kind = int(CL_DEVICE_TYPE)
    type = kind & 4 != 0 ? .gpu : kind & 2 != 0 ? .cpu : kind & 8 != 0 ? .accelerator : .other
    isSimulator = kind & 6 == 6
    computeUnits = int(CL_DEVICE_MAX_COMPUTE_UNITS)
    maxFrequencyMHz = int(CL_DEVICE_MAX_CLOCK_FREQUENCY)
    preferredFloatVectorWidth = int(CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT)
    nativeFloatVectorWidth = int(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT)
    localMemoryBytes = int(CL_DEVICE_LOCAL_MEM_SIZE)
    localMemoryIsDedicated = int(CL_DEVICE_LOCAL_MEM_TYPE) == 1
    globalMemoryBytes = int(CL_DEVICE_GLOBAL_MEM_SIZE)
    globalCacheBytes = int(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE)
    maxAllocationBytes = int(CL_DEVICE_MAX_MEM_ALLOC_SIZE)
    maxWorkGroupSize = int(CL_DEVICE_MAX_WORK_GROUP_SIZE)
    baseAddressAlignment = max(int(CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8, 64)
    let extensions = Set(string(CL_DEVICE_EXTENSIONS).split(separator: " ").map(String.init))
    self.extensions = extensions
    // A driver is asked only what its version and its extensions let it know.
    let numbers = DeviceFeatures.numbers(ofVersion: openCLVersion)
    let isThree = !numbers.lexicographicallyPrecedes([3, 0])
    let features = DeviceFeatures(
      version: openCLVersion, extensions: extensions,
      languageFeatures: isThree ? Set(Info.device(device, CL_DEVICE_OPENCL_C_FEATURES).versions.keys) : [],
      maxSubgroups: numbers.lexicographicallyPrecedes([2, 1]) ? 0 : int(CL_DEVICE_MAX_NUM_SUB_GROUPS))
    fp16 = features.fp16
    fp64 = features.fp64
    singleFloat = FloatFeatures(rawValue: UInt64(clamping: int(CL_DEVICE_SINGLE_FP_CONFIG)))
    subgroups = features.subgroups
    integerDotProduct = features.integerDotProduct
    let tellsVersions = isThree || extensions.contains("cl_khr_extended_versioning")
    let buffers = CommandBufferSupport(
      device, extensions: tellsVersions ? Info.device(device, CL_DEVICE_EXTENSIONS_WITH_VERSION).versions : [:])
    commandBuffers = buffers?.isUsable ?? false
    commandBufferVersion = buffers?.version
    let isNVIDIA = extensions.contains("cl_nv_device_attribute_query")
    subgroupSizes =
      if !features.subgroups {
        []
      } else if extensions.contains("cl_intel_required_subgroup_size") {
        Info.device(device, Self.subgroupSizesParameter).ints.sorted()
      } else if isNVIDIA {
        Info.device(device, Self.warpSizeParameter).int.map { [$0] } ?? []
      } else if extensions.contains("cl_amd_device_attribute_query") {
        Info.device(device, Self.wavefrontWidthParameter).int.map { [$0] } ?? []
      } else {
        []
      }
    if isNVIDIA, let major = Info.device(device, Self.capabilityMajorParameter).int,
      let minor = Info.device(device, Self.capabilityMinorParameter).int
    {
      computeCapability = [major, minor]
    } else {
      computeCapability = nil
    }
    reason =
      if int(CL_DEVICE_AVAILABLE) == 0 {
        "the driver says that the device is not available"
      } else if !features.isVersion(1, 2) {
        "it has \(openCLVersion), Tessera needs OpenCL 1.2"
      } else if int(CL_DEVICE_COMPILER_AVAILABLE) == 0 {
        "the driver has no compiler for OpenCL C"
      } else if int(CL_DEVICE_ENDIAN_LITTLE) == 0 {
        "the device is big-endian"
      } else if maxWorkGroupSize < 256 {
        "work-groups hold \(maxWorkGroupSize) work-items, Tessera needs 256"
      } else {
        nil
      }
  }

  // Of CL/cl_ext.h: CL_DEVICE_SUB_GROUP_SIZES_INTEL, CL_DEVICE_WARP_SIZE_NV, CL_DEVICE_WAVEFRONT_WIDTH_AMD,
  // CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV and _MINOR_NV.
  private static let subgroupSizesParameter: Int32 = 0x4108
  private static let warpSizeParameter: Int32 = 0x4003
  private static let wavefrontWidthParameter: Int32 = 0x4043
  private static let capabilityMajorParameter: Int32 = 0x4000
  private static let capabilityMinorParameter: Int32 = 0x4001
}
