import COpenCL

/// What a driver tells of its command buffers: `cl_khr_command_buffer`, whose interface was provisional for years.
struct CommandBufferSupport: Equatable {
  /// [major, minor, patch]
  var version: [Int]
  /// `CL_DEVICE_COMMAND_BUFFER_CAPABILITIES_KHR`
  var capabilities: UInt64
  /// Properties that queues must have: `CL_DEVICE_COMMAND_BUFFER_REQUIRED_QUEUE_PROPERTIES_KHR`.
  var requiredQueueProperties: UInt64

  init(version: [Int], capabilities: UInt64, requiredQueueProperties: UInt64) {
    (self.version, self.capabilities) = (version, capabilities)
    self.requiredQueueProperties = requiredQueueProperties
  }

  /// Nil where the driver does not tell which version it has.
  init?(_ device: cl_device_id, extensions: [String: [Int]]) {
    guard let version = extensions["cl_khr_command_buffer"],
      let capabilities = Info.device(device, 0x12A9).int, let required = Info.device(device, 0x12AA).int
    else { return nil }
    self.init(
      version: version, capabilities: UInt64(clamping: capabilities),
      requiredQueueProperties: UInt64(clamping: required))
  }

  /// Whether Tessera may use them: its functions are those of the version, one that runs may be enqueued again, and any queue
  /// will do.
  ///
  /// From 0.9.0 to 0.9.8 and in 1.0 those that are called take the same arguments.
  var isUsable: Bool {
    guard version.count == 3 else { return false }
    let isKnown = version[0] == 0 && version[1] == 9 && version[2] <= 8 || version[0] == 1 && version[1] == 0
    return isKnown && capabilities & Self.simultaneousUseCapability != 0 && requiredQueueProperties == 0
  }

  /// `CL_COMMAND_BUFFER_CAPABILITY_SIMULTANEOUS_USE_KHR`
  static let simultaneousUseCapability: UInt64 = 1 << 2
  /// `CL_COMMAND_BUFFER_FLAGS_KHR`, and its `CL_COMMAND_BUFFER_SIMULTANEOUS_USE_KHR`.
  static let flags: UInt64 = 0x1293
  static let simultaneousUseFlag: UInt64 = 1 << 0
}
