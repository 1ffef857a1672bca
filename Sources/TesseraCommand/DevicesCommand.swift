import ArgumentParser
import Foundation
import TesseraCL

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "List every OpenCL device, and what Tessera uses of it.")

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "Names only.")
  var quiet = false

  func run() throws {
    let profiles = try Device.all().map(\.profile)
    guard !json else { return try Terminal.printJSON(profiles.map(Row.init)) }
    let chosen = try? Device.select().profile.index
    for profile in profiles {
      Terminal.print("\(profile.index): \(profile.name)\(profile.index == chosen ? "  (default)" : "")")
      guard !quiet else { continue }
      for (label, value) in details(profile) {
        Terminal.print("   \(label.padding(toLength: 16, withPad: " ", startingAt: 0))\(value)")
      }
    }
  }

  private func details(_ p: DeviceProfile) -> [(String, String)] {
    var lines = [
      ("platform", "\(p.platformName), \(p.platformVersion)"),
      ("driver", "\(p.driverVersion), \(p.openCLCVersion)"),
      ("type", "\(p.type.rawValue), \(p.computeUnits) compute units at up to \(p.maxFrequencyMHz) MHz"),
      (
        "memory",
        "\(p.globalMemoryBytes >> 20) MiB, buffers up to \(p.maxAllocationBytes >> 20) MiB, local "
          + "\(p.localMemoryBytes >> 10) KiB"
      ),
      ("vectors", "\(p.nativeFloatVectorWidth) floats, preferred \(p.preferredFloatVectorWidth)"),
    ]
    let features = [
      ("fp16", p.fp16), ("fp64", p.fp64), ("sub-groups", p.subgroups), ("integer dot product", p.integerDotProduct),
      ("command buffers", p.commandBuffers),
      ("correctly rounded division", p.singleFloat.contains(.correctDivideSqrt)),
      ("denormals", p.singleFloat.contains(.denormals)),
    ]
    lines.append(("has", features.filter(\.1).map(\.0).joined(separator: ", ")))
    if let capability = p.computeCapability {
      lines.append(("capability", capability.map(String.init).joined(separator: ".")))
    }
    lines.append(("steps", Self.steps(p)))
    lines.append(
      ("usable", p.reason.map { "no: \($0)" } ?? "yes, kernels in the \(p.type == .cpu ? "vector" : "simt") style"))
    return lines
  }

  /// How a model's steps are sent to the device.
  static func steps(_ p: DeviceProfile) -> String {
    guard p.type != .cpu else { return "programs of few launches" }
    let version = p.commandBufferVersion.map {
      "command buffers of version \($0.map(String.init).joined(separator: "."))"
    }
    let isRecorded = p.recordsSteps
    return (isRecorded ? "recorded, then one call each" : "a launch for each command")
      + (version.map { isRecorded ? ": \($0)" : "; \($0) are not used" } ?? "")
  }

  /// Named as the document names them.
  struct Row: Encodable {
    let index: Int
    let platform, name, type, driver, opencl_c: String
    let compute_units, global_memory_bytes, local_memory_bytes, max_allocation_bytes: Int
    let fp16, subgroups, integer_dot_product, command_buffers, correctly_rounded_division, denormals, usable: Bool
    let records_steps: Bool
    let subgroup_sizes: [Int]
    let reason: String

    init(_ p: DeviceProfile) {
      (index, platform, name, type, driver) = (p.index, p.platformName, p.name, p.type.rawValue, p.driverVersion)
      opencl_c = p.openCLCVersion
      (compute_units, global_memory_bytes, local_memory_bytes) = (
        p.computeUnits, p.globalMemoryBytes, p.localMemoryBytes
      )
      max_allocation_bytes = p.maxAllocationBytes
      (fp16, subgroups, integer_dot_product, command_buffers) = (
        p.fp16, p.subgroups, p.integerDotProduct, p.commandBuffers
      )
      (correctly_rounded_division, denormals) = (
        p.singleFloat.contains(.correctDivideSqrt), p.singleFloat.contains(.denormals)
      )
      records_steps = p.recordsSteps
      subgroup_sizes = p.subgroupSizes
      (usable, reason) = (p.isUsable, p.reason ?? "")
    }
  }
}
