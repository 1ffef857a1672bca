import TesseraCL

/// The few numbers of a device that memory decisions rest on, so that they can be tested without one.
package struct DeviceLimits: Sendable, Equatable {
  /// The device's name, for messages.
  package var name: String
  /// Whether the device is a CPU: kernels then use the `.vector` style.
  package var isCPU: Bool
  /// Cores of a CPU, multiprocessors of a GPU; at least 1.
  package var computeUnits: Int
  /// Floats in the device's preferred vector; at least 1.
  package var vectorWidth: Int
  /// Local memory of one work-group, in bytes.
  package var localMemoryBytes: Int
  /// Work-items of the largest work-group.
  package var maxWorkGroupSize: Int
  /// Device memory, in bytes.
  package var globalMemoryBytes: Int
  /// The largest single buffer, in bytes.
  package var maxAllocationBytes: Int
  /// The alignment of sub-buffers' offsets, in bytes.
  package var baseAddressAlignment: Int

  /// Bytes of the device's memory that the heaps of this process have reserved.
  package var reservedBytes = 0
  /// Bytes that are free of a CPU's memory, where that is known: others use it too.
  package var free: FreeMemory?
  /// Bytes that are free of the host's memory beside a device that has its own, where that is known.
  package var hostFree: FreeMemory?

  /// The limits of a device, with what is free of it now.
  package init(_ device: Device) {
    let accounts = DeviceAccounts.process
    self.init(device.profile, reservedBytes: accounts.reserved(on: device))
    if !isCPU { hostFree = FreeMemory.now(reservedBytes: accounts.reservedOnHost) }
  }

  /// The limits of the device that `profile` describes; of a CPU, with what is free now beside `reservedBytes`.
  package init(_ profile: DeviceProfile, reservedBytes: Int = 0) {
    self.init(
      name: profile.name, isCPU: profile.type == .cpu, computeUnits: profile.computeUnits,
      vectorWidth: max(1, profile.nativeFloatVectorWidth, profile.preferredFloatVectorWidth),
      localMemoryBytes: profile.localMemoryBytes, maxWorkGroupSize: profile.maxWorkGroupSize,
      globalMemoryBytes: profile.globalMemoryBytes, maxAllocationBytes: profile.maxAllocationBytes,
      baseAddressAlignment: profile.baseAddressAlignment)
    self.reservedBytes = reservedBytes
    if isCPU { free = FreeMemory.now(reservedBytes: reservedBytes) }
  }

  /// Limits spelled out, for plans without a device.
  package init(
    name: String, isCPU: Bool, computeUnits: Int = 1, vectorWidth: Int, localMemoryBytes: Int, maxWorkGroupSize: Int,
    globalMemoryBytes: Int,
    maxAllocationBytes: Int, baseAddressAlignment: Int
  ) {
    self.name = name
    self.isCPU = isCPU
    self.computeUnits = max(1, computeUnits)
    self.vectorWidth = max(1, vectorWidth)
    self.localMemoryBytes = localMemoryBytes
    self.maxWorkGroupSize = maxWorkGroupSize
    self.globalMemoryBytes = globalMemoryBytes
    self.maxAllocationBytes = maxAllocationBytes
    self.baseAddressAlignment = baseAddressAlignment
  }

  /// The same with no buffer over `bytes`; nil changes nothing.
  package func limited(toAllocations bytes: Int?) -> DeviceLimits {
    var limits = self
    if let bytes { limits.maxAllocationBytes = min(bytes, maxAllocationBytes) }
    return limits
  }

  /// Device memory that this process has not reserved.
  private var unreservedBytes: Int { max(0, globalMemoryBytes - reservedBytes) }

  /// Bytes that a heap may use by default: device memory that other heaps have not reserved, of a CPU what is
  /// free of it, less a sixteenth (at least 128 MiB, at most 2 GiB), which programs, queues and, on a CPU, the rest of the
  /// process need.
  package var defaultBudgetBytes: Int {
    Self.budget(of: min(unreservedBytes, free?.byteCount ?? unreservedBytes))
  }

  /// Bytes of the host's memory that may be used beside a device that has its own, with the same margin; nil where nothing is
  /// known.
  var hostBudgetBytes: Int? { hostFree.map { Self.budget(of: $0.byteCount) } }

  private static func budget(of bytes: Int) -> Int {
    let margin = min(max(bytes / 16, 128 << 20), 2 << 30)
    return max(bytes / 2, bytes - margin)
  }

  /// What bounds the default budget, for messages; nil where it is the device's size.
  var budgetReason: String? {
    if let free, free.byteCount < unreservedBytes { return free.reason }
    guard reservedBytes > 0 else { return nil }
    return "of \(formatted(bytes: globalMemoryBytes)) this process has reserved \(formatted(bytes: reservedBytes)) for "
      + "other models"
  }
}
