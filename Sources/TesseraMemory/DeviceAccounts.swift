import Synchronization
import TesseraCL

/// What is reserved of each device's memory, by all heaps: a model is planned with what the others leave.
final class DeviceAccounts: Sendable {
  /// Of this process.
  static let process = DeviceAccounts()

  private let bytes = Mutex<[Int: Int]>([:])

  /// Bytes that heaps on the device have in use, or have planned.
  func reserved(on device: Device) -> Int { bytes.withLock { $0[device.memoryID] ?? 0 } }

  /// Adds `count` bytes.
  func change(by count: Int, on device: Device) { bytes.withLock { $0[device.memoryID, default: 0] += count } }

  /// Bytes of the host's memory that are reserved: by heaps on CPU devices, and beside them.
  var reservedOnHost: Int { bytes.withLock { $0[Device.hostMemoryID] ?? 0 } }

  /// Adds `count` bytes of the host's memory.
  func changeHost(by count: Int) { bytes.withLock { $0[Device.hostMemoryID, default: 0] += count } }

  /// Adds `count` bytes if that is right beside what is reserved already; nobody else reserves meanwhile.
  func reserve(_ count: Int, on device: Device, if fits: (_ reserved: Int) -> Bool) -> Bool {
    bytes.withLock { bytes in
      let reserved = bytes[device.memoryID] ?? 0
      guard fits(reserved) else { return false }
      bytes[device.memoryID] = reserved + count
      return true
    }
  }
}
