import Foundation
import TesseraSystem

/// Compiled programs, kept on disk between runs.
///
/// An entry holds all that it was compiled from and a checksum: one that does not match to the byte is compiled anew,
/// never trusted. A folder that cannot be written, or a full disk, only costs the cache.
///
/// Layout of an entry, numbers little-endian: a magic line; the key's length (8 bytes) and the key; the binary's length
/// (8 bytes) and fingerprint (32 bytes); the binary.
package struct ProgramCache: Sendable {
  /// All that a binary depends on.
  struct Key {
    let bytes: [UInt8]
    /// The name of the entry's file.
    let fileName: String

    init(source: String, options: String, profile: DeviceProfile) {
      var bytes: [UInt8] = []
      // Each with its length, so that no two lists of fields give the same bytes.
      for field in [
        profile.platformName, profile.platformVersion, profile.name, profile.driverVersion, profile.openCLVersion,
        options, source,
      ] { bytes += littleEndian(field.utf8.count) + Array(field.utf8) }
      self.bytes = bytes
      fileName = Fingerprint(bytes).hexadecimal + ".bin"
    }
  }

  package let folder: URL
  /// The entries' total size over which the oldest are dropped.
  package let byteLimit: Int

  /// - Parameters:
  ///   - folder: by default `programs` in the cache folder (`CacheFolder.url`).
  ///   - byteLimit: of all entries together.
  package init(folder: URL? = nil, byteLimit: Int = 256 << 20) {
    self.folder = folder ?? CacheFolder.url.appendingPathComponent("programs")
    self.byteLimit = byteLimit
  }

  /// In the cache folder; nil where the environment has `TESSERA_PROGRAM_CACHE=0`.
  ///
  /// Where programs run once, as in tests, keeping them can cost more than it saves: PoCL compiles each kernel once more
  /// for the binary that it is asked for.
  package static var standard: ProgramCache? { standard(in: ProcessInfo.processInfo.environment) }

  static func standard(in environment: [String: String]) -> ProgramCache? {
    environment["TESSERA_PROGRAM_CACHE"] == "0" ? nil : ProgramCache()
  }

  private static let magic = Array("tessera program 3\n".utf8)

  /// The binary that was stored for the key, if its entry is whole.
  func binary(for key: Key) -> [UInt8]? {
    guard let entry = CacheFile.read(folder.appendingPathComponent(key.fileName), limit: byteLimit) else { return nil }
    let prefix = Self.prefix(key)
    let start = prefix.count + 8 + 32
    guard entry.count > start, entry.starts(with: prefix) else { return nil }
    let binary = Array(entry[start...])
    guard entry[prefix.count..<start].elementsEqual(Self.summary(binary)) else { return nil }
    return binary
  }

  /// Keeps a binary for later runs, as far as the disk allows.
  func store(_ binary: [UInt8], for key: Key) {
    let entry = Self.prefix(key) + Self.summary(binary) + binary
    guard !binary.isEmpty, entry.count <= byteLimit else { return }
    try? FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    guard CacheFile.write(entry, to: folder.appendingPathComponent(key.fileName)) else { return }
    dropOldest()
  }

  private static func prefix(_ key: Key) -> [UInt8] { magic + littleEndian(key.bytes.count) + key.bytes }

  private static func summary(_ binary: [UInt8]) -> [UInt8] {
    littleEndian(binary.count) + Fingerprint(binary).bytes
  }

  private func dropOldest() {
    let keys: Set<URLResourceKey> = [.fileSizeKey, .contentModificationDateKey, .isRegularFileKey]
    guard
      let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: Array(keys))
    else { return }
    // Only what a cache has written: the folder may hold a user's files.
    let entries = files.filter(Self.isOwn).compactMap { file -> (file: URL, size: Int, date: Date)? in
      guard let values = try? file.resourceValues(forKeys: keys), values.isRegularFile == true,
        let size = values.fileSize, let date = values.contentModificationDate
      else { return nil }
      return (file, size, date)
    }
    var total = entries.reduce(0) { $0 + $1.size }
    // A writer that was killed leaves its half; one that is at work has touched it just now.
    let hourAgo = Date(timeIntervalSinceNow: -3600)
    for entry in entries.sorted(by: { $0.date < $1.date }) {
      let isAbandoned = entry.file.lastPathComponent.contains(AtomicFile.partialMark) && entry.date < hourAgo
      guard total > byteLimit || isAbandoned else { continue }
      try? FileManager.default.removeItem(at: entry.file)
      total -= entry.size
    }
  }

  /// Whether a file has a name that the cache gives: hexadecimal digits and `.bin`, and what is added while it is written.
  private static func isOwn(_ file: URL) -> Bool {
    let parts = file.lastPathComponent.components(separatedBy: ".bin")
    guard parts.count == 2, let name = parts.first, let rest = parts.last else { return false }
    func isHexadecimal(_ text: some StringProtocol) -> Bool { text.allSatisfy { $0.isASCII && $0.isHexDigit } }
    return !name.isEmpty && name.utf8.count <= 64 && isHexadecimal(name)
      && (rest.isEmpty
        || rest.hasPrefix(AtomicFile.partialMark) && isHexadecimal(rest.dropFirst(AtomicFile.partialMark.count)))
  }
}

private func littleEndian(_ value: Int) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: UInt64(value) >> ($0 * 8)) }
}
