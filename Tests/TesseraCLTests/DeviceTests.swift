import Foundation
import TestSupport
import Testing

@testable import TesseraCL

extension OpenCLOnDevices {
  @Suite("Devices and how one is chosen")
  struct DeviceTests {
    @Test("devices are listed by their index, with a name, a platform and memory")
    func listing() throws {
      for (index, device) in try Device.all().enumerated() {
        let profile = device.profile
        #expect(profile.index == index)
        #expect(!profile.name.isEmpty && !profile.platformName.isEmpty && profile.openCLVersion.hasPrefix("OpenCL "))
        #expect(profile.globalMemoryBytes > 0 && profile.maxAllocationBytes > 0 && profile.computeUnits > 0)
        #expect(profile.baseAddressAlignment >= 64)
      }
    }

    @Test("a device is found by its index, by part of its name and by part of its platform's, in any case")
    func selection() throws {
      for device in try Device.all() where device.profile.isUsable {
        let profile = device.profile
        #expect(try Device.select("\(profile.index)").profile == profile)
        #expect(try Device.select(profile.name.uppercased()).profile.name == profile.name)
        let platform = String(profile.platformName.lowercased().prefix(8))
        let found = try Device.select(platform).profile
        #expect((found.name + found.platformName).lowercased().contains(platform))
      }
    }

    @Test("a device that is not there is refused with a list of those that are")
    func unknown() throws {
      let devices = try Device.all()
      for request in ["no such device", "\(devices.count)", "-1", "99999999999999999999"] {
        let error = try clError { try Device.select(request) }
        #expect(error.code == .noSuchDevice && error.message.contains("\"\(request)\""))
        for device in devices {
          #expect(error.message.contains("\(device.profile.index): \(device.profile.name)"))
        }
      }
    }

    @Test("without a driver the error says which package has one")
    func noDriver() async {
      await #expect(processExitsWith: .success) {
        setenv("OCL_ICD_VENDORS", "/nonexistent/folder/", 1)
        unsetenv("OCL_ICD_FILENAMES")
        for use in [{ _ = try Device.all() }, { _ = try Device.select("0") }, { _ = try Device.select(nil) }] {
          let error = try clError(use)
          #expect(error.code == .noDriver && error.message.contains("pocl-opencl-icd"))
        }
      }
    }
  }
}
