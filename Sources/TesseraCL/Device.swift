import COpenCL
import Foundation
import Synchronization

/// An OpenCL device of any installed platform.
package final class Device: Sendable {
  package let profile: DeviceProfile

  // OpenCL's ids of root devices and platforms live as long as the process and may be used from any thread.
  nonisolated(unsafe) let id: cl_device_id
  nonisolated(unsafe) let platform: cl_platform_id

  /// Whose memory the device has: CPUs, of whichever driver, have the host's.
  package var memoryID: Int { profile.type == .cpu ? Self.hostMemoryID : Int(bitPattern: id) }
  package static let hostMemoryID = 0

  private init(id: cl_device_id, platform: cl_platform_id, index: Int) {
    self.id = id
    self.platform = platform
    profile = DeviceProfile(device: id, platform: platform, index: index)
  }

  /// Every device of every platform, in the loader's order; platforms without a device are passed over.
  ///
  /// - Throws: `CLError.noDriver` if there is none.
  package static func all() throws(CLError) -> [Device] {
    DriverCache.prepare()
    let devices = try listing.withLock { _ throws(CLError) in try listed() }
    guard !devices.isEmpty else {
      throw CLError(
        .noDriver,
        "no OpenCL driver with a device is installed: install your GPU's, or PoCL for the CPU with "
          + "`apt-get install pocl-opencl-icd`" + (DriverCache().advice.map { "; \($0)" } ?? ""))
    }
    return devices
  }

  /// One thread at a time: PoCL 3.1 shows another thread the devices that it is still making.
  private static let listing = Mutex(())

  private static func listed() throws(CLError) -> [Device] {
    var count: cl_uint = 0
    let status = clGetPlatformIDs(0, nil, &count)
    guard status == CL_SUCCESS || status == -1001 else { throw CLError(status: status, call: "clGetPlatformIDs") }
    var platforms = [cl_platform_id?](repeating: nil, count: Int(count))
    if count > 0 { try check(clGetPlatformIDs(count, &platforms, nil), "clGetPlatformIDs") }
    var devices: [Device] = []
    for platform in platforms.compactMap({ $0 }) {
      var count: cl_uint = 0
      let type = cl_device_type(CL_DEVICE_TYPE_ALL)
      guard clGetDeviceIDs(platform, type, 0, nil, &count) == CL_SUCCESS, count > 0 else { continue }
      var ids = [cl_device_id?](repeating: nil, count: Int(count))
      guard clGetDeviceIDs(platform, type, count, &ids, nil) == CL_SUCCESS else { continue }
      for id in ids.compactMap({ $0 }) { devices.append(Device(id: id, platform: platform, index: devices.count)) }
    }
    return devices
  }

  /// The device that a user asked for.
  ///
  /// - Parameter request: an index of `all()`, or part of a device's or its platform's name in any case, of which the
  ///   first usable match is taken; nil takes the environment's `TESSERA_DEVICE`, else the first usable GPU, else CPU,
  ///   else other device.
  /// - Throws: `CLError.noSuchDevice`, with the devices that there are; `deviceUnusable`; `noDriver`.
  package static func select(_ request: String? = nil) throws(CLError) -> Device {
    let devices = try all()
    let environment = ProcessInfo.processInfo.environment["TESSERA_DEVICE"]
    guard let request = request ?? environment, !request.isEmpty else {
      let usable = devices.filter(\.profile.isUsable)
      let types: [DeviceProfile.DeviceType] = [.gpu, .cpu]
      if let best = types.lazy.compactMap({ type in usable.first { $0.profile.type == type } }).first ?? usable.first {
        return best
      }
      throw CLError(
        .deviceUnusable,
        "no usable OpenCL device: "
          + devices.map { "\($0.profile.name): \($0.profile.reason ?? "")" }.joined(separator: "; "))
    }
    let wanted = request.lowercased()
    func names(_ device: Device) -> [String] {
      [device.profile.name, device.profile.platformName].map { $0.lowercased() }
    }
    // A whole name goes before a part of one: one device's name may be part of another's.
    let named =
      devices.filter { names($0).contains(wanted) } + devices.filter { names($0).contains { $0.contains(wanted) } }
    let found =
      if let index = Int(request) {
        devices.indices.contains(index) ? devices[index] : nil
      } else {
        named.first { $0.profile.isUsable } ?? named.first
      }
    guard let found else {
      let list = devices.map { "\"\($0.profile.index): \($0.profile.name) (\($0.profile.platformName))\"" }
      throw CLError(
        .noSuchDevice,
        "no OpenCL device \"\(request)\": give the index, or part of the name, of one of these: "
          + list.joined(separator: ", "))
    }
    if let reason = found.profile.reason {
      throw CLError(.deviceUnusable, "device \(found.profile.index), \(found.profile.name), cannot be used: \(reason)")
    }
    return found
  }
}
