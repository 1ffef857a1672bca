import Foundation
import TesseraCL
import TesseraMemory

/// Something about a driver that a user may want to know or change.
struct DoctorAdvice: Encodable, Sendable, Equatable {
  enum Kind: String, Encodable, Sendable {
    /// Results cannot be trusted.
    case wrong
    /// The device or the driver could be faster.
    case slow
    /// The driver lacks a feature.
    case missing
  }

  var kind: Kind
  var message: String

  /// Advice that a device's profile gives, the most serious first.
  static func all(for profile: DeviceProfile) -> [DoctorAdvice] {
    var advice: [DoctorAdvice] = []
    if let reason = profile.reason { advice.append(.init(kind: .wrong, message: "cannot be used: \(reason)")) }
    advice += speed(profile) + memory(profile) + features(profile)
    return advice
  }

  /// The advice that follows from rows that are not ok.
  static func wrongResults(_ rows: [DoctorReport.Row]) -> DoctorAdvice? {
    let wrong = rows.filter { !$0.ok }
    guard let first = wrong.first else { return nil }
    return .init(
      kind: .wrong,
      message:
        "\(wrong.count) of \(rows.count) kernel variants fail, the first is \(first.kernel), \(first.variant): do "
        + "not trust this driver's results; update it or choose another with --device")
  }

  private static func speed(_ profile: DeviceProfile) -> [DoctorAdvice] {
    var advice: [DoctorAdvice] = []
    if profile.name.localizedLowercase.contains("oclgrind") {
      advice.append(.init(kind: .slow, message: "Oclgrind interprets kernels to check them: it is not for real work"))
    } else if profile.type == .cpu {
      advice.append(
        .init(
          kind: .slow,
          message: "a CPU: if this machine has a GPU, install its OpenCL driver and choose it with --device"))
      if profile.nativeFloatVectorWidth < 8 {
        advice.append(
          .init(
            kind: .slow,
            message:
              "the driver compiles for vectors of \(max(1, profile.nativeFloatVectorWidth)) floats: a newer driver "
              + "may know this CPU's wider ones"))
      }
    }
    if let version = poclVersion(profile.platformVersion), version < (3, 1) {
      advice.append(
        .init(
          kind: .slow,
          message:
            "PoCL \(version.major).\(version.minor) is older than 3.1, the oldest that Tessera is tested on: update it")
      )
    }
    return advice
  }

  private static func memory(_ profile: DeviceProfile) -> [DoctorAdvice] {
    var advice: [DoctorAdvice] = []
    if profile.localMemoryBytes < 32 << 10 {
      advice.append(
        .init(
          kind: .slow,
          message: "\(profile.localMemoryBytes >> 10) KiB of local memory: attention takes fewer queries a tile"))
    }
    if profile.type != .cpu, !profile.localMemoryIsDedicated {
      advice.append(
        .init(kind: .slow, message: "local memory is global memory behind a cache: tiles gain less than on other GPUs"))
    }
    if profile.maxAllocationBytes < profile.globalMemoryBytes / 4 {
      advice.append(
        .init(
          kind: .missing,
          message: "one buffer holds at most \(profile.maxAllocationBytes >> 20) of \(profile.globalMemoryBytes >> 20) "
            + "MiB: a model with a larger matrix, or a longer context, does not fit"))
    }
    return advice
  }

  /// No kernel needs these; faster variants may.
  private static func features(_ profile: DeviceProfile) -> [DoctorAdvice] {
    let features = [
      (profile.fp16, "half-precision arithmetic (cl_khr_fp16)"), (profile.subgroups, "subgroups (cl_khr_subgroups)"),
      (profile.integerDotProduct, "integer dot products (cl_khr_integer_dot_product)"),
    ]
    let missing = features.filter { !$0.0 }.map(\.1)
    var advice: [DoctorAdvice] = []
    if !missing.isEmpty {
      advice.append(
        .init(kind: .missing, message: "no \(missing.joined(separator: ", no ")): not needed, portable kernels run"))
    }
    if !profile.singleFloat.contains(.correctDivideSqrt) {
      advice.append(
        .init(
          kind: .missing,
          message:
            "division and square roots are not correctly rounded (CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT): results may "
            + "differ in their last bits from those of devices where they are"))
    }
    if !profile.singleFloat.contains(.denormals) {
      advice.append(
        .init(
          kind: .missing,
          message:
            "numbers under 1.2e-38 are flushed to zero (no CL_FP_DENORM): results may differ in their last bits from "
            + "those of devices that keep them"))
    }
    return advice
  }

  /// The version in "OpenCL 3.0 PoCL 3.1+debian  Linux, …".
  static func poclVersion(_ platformVersion: String) -> (major: Int, minor: Int)? {
    let words = platformVersion.split(separator: " ")
    guard let at = words.firstIndex(where: { $0.lowercased() == "pocl" }), at + 1 < words.endIndex else { return nil }
    let numbers = words[at + 1].split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
    return numbers.count >= 2 ? (numbers[0], numbers[1]) : nil
  }
}
