import TesseraCL
import TestSupport
import Testing

@testable import TesseraCommand

@Suite("What doctor advises")
struct DoctorAdviceTests {
  @Test("it says where division is not correctly rounded, and nowhere else", arguments: TestDevices.all)
  func rounding(device: TestDevice) throws {
    let profile = try device.context().device.profile
    let says = DoctorAdvice.all(for: profile).contains {
      $0.kind == .missing && $0.message.contains("correctly rounded")
    }
    #expect(says == !profile.singleFloat.contains(.correctDivideSqrt))
    let flushes = DoctorAdvice.all(for: profile).contains { $0.message.contains("flushed to zero") }
    #expect(flushes == !profile.singleFloat.contains(.denormals))
    // Every device that the project is tested on tells what OpenCL asks of a full profile at least.
    #expect(profile.singleFloat.isSuperset(of: [.infinityAndNaN, .roundToNearest]))
  }
}
