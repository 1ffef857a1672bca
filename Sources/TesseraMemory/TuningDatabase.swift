import Foundation
import TesseraCL

/// Tunings of devices that were measured, as `tessera tune` has kept them in a file.
///
/// The file is not trusted: what is damaged, of another version or not allowed is left out, and `note` says so.
package struct TuningDatabase: Sendable {
  /// The choices for one device with one driver, in one style.
  package struct Entry: Sendable, Equatable, Codable {
    package var platform: String
    package var device: String
    package var driver: String
    package var style: KernelStyle
    /// Floats of a vector register: tiles that suit one width may spill with another.
    package var vectorWidth: Int
    /// Of the device; nil in entries of earlier versions.
    package var computeUnits: Int?
    /// Values by parameter, by class: see `Tuning`.
    package var choices: [String: [String: Int]]
    /// Why the last tuning ended early; nil where it did not.
    package var problem: String?

    package init(
      platform: String, device: String, driver: String, style: KernelStyle, vectorWidth: Int,
      computeUnits: Int? = nil, choices: [String: [String: Int]]
    ) {
      self.platform = platform
      self.device = device
      self.driver = driver
      self.style = style
      self.vectorWidth = vectorWidth
      self.computeUnits = computeUnits
      self.choices = choices
    }

    /// An entry without choices for a device.
    package init(_ profile: DeviceProfile, style: KernelStyle) {
      self.init(
        platform: profile.platformName, device: profile.name, driver: profile.driverVersion, style: style,
        vectorWidth: DeviceLimits(profile).vectorWidth, computeUnits: profile.computeUnits, choices: [:])
    }

    /// How well the entry fits a device: 3 the device with its driver, 2 with another one, 1 another device of the
    /// platform with vectors as wide; nil not at all.
    func rank(for other: Entry) -> Int? {
      guard style == other.style, platform == other.platform else { return nil }
      if device == other.device { return driver == other.driver ? 3 : 2 }
      return vectorWidth == other.vectorWidth ? 1 : nil
    }

    /// By what factor the devices' compute units differ; infinite where one's are not known.
    func distance(to other: Entry) -> Double {
      guard let own = computeUnits, let units = other.computeUnits, min(own, units) > 0 else { return .infinity }
      return Double(max(own, units)) / Double(min(own, units))
    }
  }

  private struct File: Codable {
    /// 2: LOCAL, SHARE and AHEAD of products are of another kernel than before.
    static let currentVersion = 2
    var version = currentVersion
    var entries: [Entry]
  }

  /// Those of the file; later ones count for more.
  package private(set) var entries: [Entry] = []
  /// A note about parts of the file that were ignored; nil where none were.
  package private(set) var note: String?

  /// `tunings.json` in the cache folder (`CacheFolder.url`).
  package static var url: URL { CacheFolder.url.appendingPathComponent("tunings.json") }
  private static let byteLimit = 1 << 20
  private static let entryLimit = 256

  package init() {}

  /// The entries of the file at `url`, if there is one.
  package init(contentsOf url: URL) {
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    guard let bytes = CacheFile.read(url, limit: Self.byteLimit) else {
      note =
        "\(url.path): ignored: not a file of 1 byte to \(Self.byteLimit >> 20) MiB that only its owner may write"
      return
    }
    guard let file = try? JSONDecoder().decode(File.self, from: Data(bytes)),
      file.version == File.currentVersion, file.entries.count <= Self.entryLimit
    else {
      note = "\(url.path): ignored: damaged, or of another version; `tessera tune` writes a new one"
      return
    }
    var refused = 0
    for entry in file.entries {
      var tuning = Tuning()
      for (name, values) in entry.choices where !tuning.choose(values, for: name, style: entry.style) { refused += 1 }
      var entry = entry
      entry.choices = tuning.choices
      entries.append(entry)
    }
    if refused > 0 { note = "\(url.path): \(refused) choices ignored: values that no kernel allows" }
  }

  /// The choices for a device: its own with its driver's version, else its own, else those of the device of the same
  /// platform that is nearest in compute units, class by class.
  package func tuning(for profile: DeviceProfile, style: KernelStyle) -> Tuning {
    tuning(for: Entry(profile, style: style))
  }

  func tuning(for wanted: Entry) -> Tuning {
    var tuning = Tuning()
    for rank in 1...3 {
      // Later ones count for more, among other devices' those that are nearer: the sort is stable.
      let fitting = entries.filter { $0.rank(for: wanted) == rank }
      for entry in rank == 1 ? fitting.sorted(by: { $0.distance(to: wanted) > $1.distance(to: wanted) }) : fitting {
        for (name, values) in entry.choices { tuning.choose(values, for: name, style: wanted.style) }
      }
    }
    return tuning
  }

  /// Whether the device itself was tuned, with this version of its driver or another; where that failed another version is worth a
  /// try.
  package func isTuned(_ profile: DeviceProfile, style: KernelStyle) -> Bool {
    isTuned(Entry(profile, style: style))
  }

  func isTuned(_ wanted: Entry) -> Bool {
    entries.contains { $0.rank(for: wanted) ?? 0 >= ($0.problem == nil ? 2 : 3) }
  }

  /// Adds an entry's choices to those of the same device, driver and style.
  package mutating func add(_ entry: Entry) {
    var entry = entry
    if let index = entries.firstIndex(where: { $0.rank(for: entry) == 3 }) {
      entry.choices = entries.remove(at: index).choices.merging(entry.choices) { $1 }
    }
    entries.append(entry)
    entries.removeFirst(max(0, entries.count - Self.entryLimit))
  }

  /// Writes the file in one step.
  ///
  /// - Throws: `MemoryError` if the folder cannot be written.
  package func write(to url: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(File(entries: entries))
    let folder = url.deletingLastPathComponent()
    try? FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    guard CacheFile.write([UInt8](data), to: url) else {
      throw MemoryError(
        .invalidRequest, "\(url.path): cannot be written: choose another folder with TESSERA_CACHE, or free space")
    }
  }
}
