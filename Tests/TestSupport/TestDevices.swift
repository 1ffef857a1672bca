import Foundation
import Synchronization
import TesseraCL

/// A device that tests run on; one that was asked for and is not there makes them fail.
package struct TestDevice: Sendable, CustomStringConvertible {
  package let description: String
  private let device: Result<Device, CLError>
  private static let contexts = Mutex<[Int: Context]>([:])

  fileprivate init(_ device: Device) {
    description = "\(device.profile.name) (\(device.profile.platformName))"
    self.device = .success(device)
  }

  fileprivate init(request: String, error: CLError) {
    description = request
    device = .failure(error)
  }

  /// The device's context, the same for all tests.
  ///
  /// - Throws: `CLError` if there is no such device.
  package func context() throws -> Context {
    let device = try device.get()
    return try Self.contexts.withLock { contexts in
      if let context = contexts[device.profile.index] { return context }
      let context = try Context(device)
      contexts[device.profile.index] = context
      return context
    }
  }
}

package enum TestDevices {
  /// Every usable device, or those that the comma-separated `TESSERA_TEST_DEVICES`, else `TESSERA_DEVICE`, asks for:
  /// each by its index, or by part of its name or of its platform's.
  package static let all: [TestDevice] = {
    let environment = ProcessInfo.processInfo.environment
    let request =
      [environment["TESSERA_TEST_DEVICES"], environment["TESSERA_DEVICE"]]
      .lazy.compactMap { $0 }.first { !$0.isEmpty } ?? ""
    let names = request.split(separator: ",").map { String($0).trimmingCharacters(in: .whitespaces) }
    do throws(CLError) {
      let devices = try Device.all()
      guard !names.isEmpty else {
        let usable = devices.filter(\.profile.isUsable)
        // Without any, the selection's own error says why.
        return usable.isEmpty ? [TestDevice(try Device.select(nil))] : usable.map { TestDevice($0) }
      }
      var chosen: [TestDevice] = []
      for name in names {
        // A number is an index, also where names have it in them.
        let found = devices.filter {
          Int(name) == nil && $0.profile.name.localizedCaseInsensitiveContains(name)
            || Int(name) == nil && $0.profile.platformName.localizedCaseInsensitiveContains(name)
        }
        if found.isEmpty {
          do throws(CLError) {
            chosen.append(TestDevice(try Device.select(name)))
          } catch {
            chosen.append(TestDevice(request: name, error: error))
          }
        }
        for device in found.map({ TestDevice($0) })
        where !chosen.contains(where: { $0.description == device.description }) {
          chosen.append(device)
        }
      }
      return chosen
    } catch {
      return [TestDevice(request: request.isEmpty ? "any device" : request, error: error)]
    }
  }()
}
