import TesseraCL

/// How a kernel uses the device.
public enum KernelStyle: String, Sendable, CaseIterable {
  /// A work-item does the work of a core, with wide explicit vectors: for CPU devices.
  case vector
  /// A work-item is one lane among many: for GPUs. Runs everywhere.
  case simt

  /// The style that suits a device.
  public init(for profile: DeviceProfile) {
    self = profile.type == .cpu ? .vector : .simt
  }
}
