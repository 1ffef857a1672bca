import Foundation

/// Compiled programs, kept on disk between runs.
///
/// An entry holds all that it was compiled from and a checksum: one that does not match to the byte is compiled anew, never
/// trusted. A folder that cannot be written, or a full disk, only costs the cache.
public struct ProgramCache: Sendable {
  /// All that a binary depends on.
  struct Key {
    let bytes: [UInt8]

    init(source: String, options: String, profile: DeviceProfile) {
      bytes = Array(
        [
          profile.platformName, profile.platformVersion, profile.name, profile.driverVersion, profile.openCLVersion,
          options, source,
        ].joined(separator: "\0").utf8)
    }
  }

  public let folder: URL
  /// The entries' total size over which the oldest are dropped.
  public let byteLimit: Int

  /// - Parameter folder: by default `programs` in the cache folder (`CacheFolder.url`).
  public init(folder: URL? = nil, byteLimit: Int = 256 << 20) {
    self.folder = folder ?? CacheFolder.url.appendingPathComponent("programs")
    self.byteLimit = byteLimit
  }

  private static let magic = Array("tessera program 1\n".utf8)

  func binary(for key: Key) -> [UInt8]? {
    guard let data = try? Data(contentsOf: file(for: key)) else { return nil }
    let header = Self.header(key)
    guard data.count > header.count + 8, data.prefix(header.count).elementsEqual(header) else { return nil }
    let binary = Array(data[(data.startIndex + header.count + 8)...])
    guard data[(data.startIndex + header.count)...].prefix(8).elementsEqual(Self.littleEndian(Self.hash(binary)))
    else { return nil }
    return binary
  }

  /// Writes an entry beside its place and moves it there, so that no reader sees half of one.
  func store(_ binary: [UInt8], for key: Key) {
    let manager = FileManager.default
    try? manager.createDirectory(at: folder, withIntermediateDirectories: true)
    let temporary = folder.appendingPathComponent(".\(UUID().uuidString).bin")
    let data = Data(Self.header(key) + Self.littleEndian(Self.hash(binary)) + binary)
    guard (try? data.write(to: temporary)) != nil, rename(temporary.path, file(for: key).path) == 0 else {
      try? manager.removeItem(at: temporary)
      return
    }
    dropOldest()
  }

  private func dropOldest() {
    let keys: Set<URLResourceKey> = [.fileSizeKey, .contentModificationDateKey]
    guard
      let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: Array(keys))
    else { return }
    // Only what a cache has written: the folder may hold a user's files.
    let own = files.filter { $0.pathExtension == "bin" }
    var entries = own.compactMap { file -> (file: URL, size: Int, date: Date)? in
      guard let values = try? file.resourceValues(forKeys: keys), let size = values.fileSize,
        let date = values.contentModificationDate
      else { return nil }
      return (file, size, date)
    }
    var total = entries.reduce(0) { $0 + $1.size }
    guard total > byteLimit else { return }
    entries.sort { $0.date < $1.date }
    for entry in entries where total > byteLimit {
      try? FileManager.default.removeItem(at: entry.file)
      total -= entry.size
    }
  }

  private func file(for key: Key) -> URL {
    folder.appendingPathComponent(String(Self.hash(key.bytes), radix: 16) + ".bin")
  }

  private static func header(_ key: Key) -> [UInt8] { magic + littleEndian(UInt64(key.bytes.count)) + key.bytes }

  private static func littleEndian(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// FNV-1a, 64 bits: names files and finds damage; it need not resist forgery, for the folder is the user's own.
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
