import Foundation

/// Bytes that the system still has for this process: the least of what is free, of what its control groups leave it,
/// and of its address space.
///
/// On Linux from /proc and /sys; elsewhere nothing is known.
package struct FreeMemory: Sendable, Equatable {
  /// Bytes that are free.
  package let byteCount: Int
  /// The source of that bound, for messages.
  package let reason: String

  package init(byteCount: Int, reason: String) {
    self.byteCount = byteCount
    self.reason = reason
  }

  /// Bytes that are free now; nil where the system does not say.
  ///
  /// - Parameters:
  ///   - reservedBytes: what the process has taken of it, touched or not: the system counts pages that were touched.
  ///   - read: the text of a file, nil where there is none; given by tests.
  package static func now(
    reservedBytes: Int = 0, reading read: (String) -> String? = FreeMemory.text
  ) -> FreeMemory? {
    let touched = kibibytes("RssAnon:", in: read("/proc/self/status")) ?? 0
    let promised = max(0, reservedBytes - touched)
    let pages = ([available(read)] + controlGroups(read)).compactMap { $0?.less(promised) }
    // Address space is used up by what is reserved.
    return (pages + [addressSpace(read)].compactMap { $0 }).min { $0.byteCount < $1.byteCount }
  }

  /// What is left when `bytes` more are in use, which the process has reserved.
  private func less(_ bytes: Int) -> FreeMemory {
    guard bytes > 0 else { return self }
    return FreeMemory(
      byteCount: max(0, byteCount - bytes),
      reason: "\(reason), of which this process has reserved \(formatted(bytes: bytes))")
  }

  /// The text of a file of the system's, at most 1 MiB.
  package static func text(of path: String) -> String? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    guard let data = try? file.read(upToCount: 1 << 20) else { return nil }
    return String(decoding: data, as: UTF8.self)
  }

  /// Memory that programs can have without others being swapped out.
  private static func available(_ read: (String) -> String?) -> FreeMemory? {
    guard let bytes = kibibytes("MemAvailable:", in: read("/proc/meminfo")) else { return nil }
    return FreeMemory(byteCount: bytes, reason: "\(formatted(bytes: bytes)) of the machine's memory are free")
  }

  /// Address space that a driver's compiler, its threads' stacks and allocators take beside what is planned: where it is
  /// not to be had, drivers end the process.
  static let reservedAddressSpace = 512 << 20

  /// Bytes that `ulimit -v` leaves.
  private static func addressSpace(_ read: (String) -> String?) -> FreeMemory? {
    // Max address space     921600000     unlimited     bytes
    guard let line = line("Max address space", in: read("/proc/self/limits")),
      let limit = line.split(separator: " ").first.flatMap({ Int($0) }),
      let used = kibibytes("VmSize:", in: read("/proc/self/status"))
    else { return nil }
    return FreeMemory(
      byteCount: max(0, limit - used - reservedAddressSpace),
      reason: "the process may have \(formatted(bytes: limit)) of address space (ulimit -v) and uses "
        + "\(formatted(bytes: used)), drivers may need \(formatted(bytes: reservedAddressSpace)) more")
  }

  /// Bytes that each control group of the process leaves it.
  private static func controlGroups(_ read: (String) -> String?) -> [FreeMemory] {
    // 0::/user.slice/session  of version 2,  4:memory:/docker/1f2e  of version 1
    guard let list = read("/proc/self/cgroup") else { return [] }
    return list.split(separator: "\n").flatMap { line -> [FreeMemory] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return [] }
      if parts[0] == "0", parts[1].isEmpty {
        return folders("/sys/fs/cgroup", parts[2]).compactMap {
          controlGroup($0, limit: "memory.max", usage: "memory.current", inactive: "inactive_file ", read)
        }
      }
      guard parts[1].split(separator: ",").contains("memory") else { return [] }
      return folders("/sys/fs/cgroup/memory", parts[2]).compactMap {
        controlGroup(
          $0, limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", inactive: "total_inactive_file ", read)
      }
    }
  }

  /// The folder of a group, and those of the groups that it is in. Inside a container the path may be of the outside; the
  /// root is then the container's.
  private static func folders(_ root: String, _ path: Substring) -> [String] {
    var folders = [root]
    for name in path.split(separator: "/").prefix(64) where name != ".." {
      folders.append("\(folders[folders.count - 1])/\(name)")
    }
    return folders
  }

  private static func controlGroup(
    _ folder: String, limit: String, usage: String, inactive: String, _ read: (String) -> String?
  ) -> FreeMemory? {
    // "max", or of version 1 a number beyond any memory, is no limit.
    guard let limit = number(read("\(folder)/\(limit)")), limit < 1 << 60, let used = number(read("\(folder)/\(usage)"))
    else { return nil }
    // Pages of files that are not in use are let go when memory is wanted.
    let cached = number(line(inactive, in: read("\(folder)/memory.stat"))) ?? 0
    let taken = max(0, used - max(0, cached))
    return FreeMemory(
      byteCount: max(0, limit - taken),
      reason: "the control group may have \(formatted(bytes: limit)) and uses \(formatted(bytes: taken))")
  }

  // MARK: Text

  /// The number that follows `name` in the line that begins with it.
  private static func line(_ name: String, in text: String?) -> String? {
    text?.split(separator: "\n").first { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
  }

  private static func number(_ text: String?) -> Int? {
    text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }.flatMap { $0 >= 0 ? $0 : nil }
  }

  /// Bytes of a line such as "MemAvailable:   16384 kB".
  private static func kibibytes(_ name: String, in text: String?) -> Int? {
    guard let words = line(name, in: text)?.split(whereSeparator: \.isWhitespace), words.count == 2, words[1] == "kB",
      let count = Int(words[0]), count >= 0, count < 1 << 50
    else { return nil }
    return count << 10
  }
}
