import Foundation
import TesseraSystem

/// The folder of a ``DiskBlockStore``: a subfolder for each layout and version of the format, in it a file a block.
///
/// All processes that write hold the lock of the folder's `lock` file meanwhile. Its eight bytes count the changes, so that each
/// knows whether another one has made some. Readers need no lock: files appear whole, and one that goes is a miss.
struct DiskBlockFolder {
  private struct Entry {
    var path: String
    var key: KVBlockKey
    var size: Int
    var time: Int
  }

  /// Of all layouts' blocks together.
  let byteLimit: Int
  /// Blocks that were there when this process last looked, and its own since; likewise their bytes and how many it let go.
  private(set) var entries = 0
  private(set) var bytes = 0
  private(set) var evictions = 0

  /// More bytes than that no block's file has.
  private static let largestFile = 1 << 40

  private let path: String
  private let layoutDigest: [UInt8]
  /// The subfolder of the layout.
  private let own: String
  /// What the lock file's count was when this process let go of it; nil before.
  private var changes: UInt64?
  /// What is known of blocks' parents: of others their files' headers are read when some have to go.
  private var parents: [KVBlockKey: KVBlockKey?] = [:]
  /// The last block that was not written: what follows it is not either.
  private var refused: KVBlockKey?
  /// When blocks were used elsewhere, which their files do not tell yet, and when files were told the last time.
  private var uses: [KVBlockKey: Int] = [:]
  private var told: ContinuousClock.Instant?

  init(path: String, byteLimit: Int, layoutDigest: [UInt8]) {
    (self.path, self.byteLimit, self.layoutDigest) = (path, byteLimit, layoutDigest)
    let name = layoutDigest.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    own = "\(path)/kv\(DiskBlockFile.version)-\(name)"
  }

  /// Where a block's file is.
  func path(of key: KVBlockKey) -> String { "\(own)/\(key).kv" }

  /// Makes the folders that are missing, for the user alone.
  ///
  /// - Throws: `FileError` where they cannot be made, or something else is in their place.
  private func prepare() throws(FileError) {
    try DiskBlockFolder.make(path)
    try DiskBlockFolder.make(own)
    guard isSafe else {
      throw FileError(.system, path: own, "this is no folder of the user's own: name another folder")
    }
  }

  /// Whether the subfolder is there and no link, which could lead anywhere.
  var isSafe: Bool {
    var status = stat()
    return own.withPathPointer { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
      && status.st_uid == geteuid()
  }

  /// Whether a block has a file.
  func contains(_ key: KVBlockKey) -> Bool {
    var status = stat()
    return path(of: key).withPathPointer { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Takes away a file that is no block's.
  func removeFile(of key: KVBlockKey) { _ = path(of: key).withPathPointer { unlink($0) } }

  /// Looks anew before the next block is written.
  mutating func forget() { changes = nil }

  /// Makes sure of the folder, and counts what it holds.
  mutating func look() throws(FileError) {
    try prepare()
    try FolderLock.hold(path + "/lock") { lock throws(FileError) in
      _ = scan()
      changes = lock.changes
    }
  }

  /// Writes a block, after others have gone as far as it needs room.
  ///
  /// - Returns: false where there is no room: the block would be the next to go.
  mutating func write(_ key: KVBlockKey, _ block: KVStoredBlock) throws(FileError) -> Bool {
    do throws(FileError) {
      try prepare()
      let isThere = try FolderLock.hold(path + "/lock") { lock throws(FileError) in try write(key, block, lock) }
      if !isThere { refuse(key) } else if refused == key { refused = nil }
      return isThere
    } catch {
      refuse(key)
      throw error
    }
  }

  /// Says that a block is not written.
  mutating func refuse(_ key: KVBlockKey) { refused = key }

  private mutating func write(_ key: KVBlockKey, _ block: KVStoredBlock, _ lock: FolderLock) throws(FileError) -> Bool {
    if lock.changes != changes { _ = scan() }
    changes = lock.changes
    let (path, size) = (path(of: key), DiskBlockFile.headerBytes + block.bytes.count)
    // A file that is there is the same one, or damaged, and then whoever reads it takes it away.
    if path.withPathPointer({ utimensat(AT_FDCWD, $0, nil, AT_SYMLINK_NOFOLLOW) }) == 0 { return true }
    // Another process may have written it meanwhile.
    if let parent = block.parent, parent == refused, !contains(parent) { return false }
    changes = lock.change()
    guard size <= byteLimit else { return false }
    if bytes > byteLimit - size { makeRoom(size, for: key, block.parent) }
    guard bytes <= byteLimit - size else { return false }
    try DiskBlockFile(key: key, layoutDigest: layoutDigest).write(block, to: path)
    parents.updateValue(block.parent, forKey: key)
    (entries, bytes) = (entries + 1, bytes + size)
    return true
  }

  // MARK: Use

  /// The time as files have it: nanoseconds since 1970.
  private static var now: Int {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec)
  }

  /// Takes note of blocks that were used elsewhere. Their files are told at most once an interval: until then this process alone
  /// knows which of them are to stay.
  mutating func use(_ keys: [KVBlockKey], telling interval: Duration) {
    let time = Self.now
    for key in keys { uses[key] = time }
    if told.map({ ContinuousClock.now - $0 >= interval }) ?? true { tellUses() }
  }

  /// Writes down when blocks were used, as the times of their files.
  mutating func tellUses() {
    guard !uses.isEmpty else { return }
    for (key, time) in uses {
      let path = path(of: key)
      var status = stat()
      guard path.withPathPointer({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG,
        status.modificationTime < time
      else { continue }
      let change = timespec(tv_sec: time / 1_000_000_000, tv_nsec: time % 1_000_000_000)
      // Where that is not allowed, the block only goes sooner.
      _ = path.withPathPointer { utimensat(AT_FDCWD, $0, [change, change], AT_SYMLINK_NOFOLLOW) }
    }
    uses = [:]
    told = .now
  }

  // MARK: What is there

  /// The blocks of all layouts. Takes away what writers that were killed have left, as the lock says that none is at work, and
  /// what is too large for a block.
  private mutating func scan() -> [Entry] {
    var found: [Entry] = []
    for name in DiskBlockFolder.names(in: path, O_DIRECTORY) where DiskBlockFolder.isLayout(name) {
      let folder = "\(path)/\(name)"
      let names = DiskBlockFolder.names(in: folder, O_DIRECTORY | O_NOFOLLOW)
      if names.isEmpty, folder != own { _ = folder.withPathPointer { rmdir($0) } }
      for name in names {
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let key = KVBlockKey(hexadecimal: parts[0]) else { continue }
        let path = "\(folder)/\(name)"
        var status = stat()
        guard path.withPathPointer({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
        let isTooLarge = parts[1] == "kv" && status.st_size > DiskBlockFolder.largestFile
        if isTooLarge || parts[1].hasPrefix("kv" + AtomicFile.partialMark) {
          _ = path.withPathPointer { unlink($0) }
        } else if parts[1] == "kv" {
          found.append(Entry(path: path, key: key, size: Int(status.st_size), time: status.modificationTime))
        }
      }
    }
    // A folder can be damaged in any way.
    bytes = found.reduce(0) { sum, entry in
      let (total, isTooMuch) = sum.addingReportingOverflow(entry.size)
      return isTooMuch ? .max : total
    }
    entries = found.count
    return found
  }

  /// Lets blocks go until there is room for a new one, and some more, so that this is not done for each.
  private mutating func makeRoom(_ size: Int, for key: KVBlockKey, _ parent: KVBlockKey?) {
    tellUses()
    // Looks anew: the user may have deleted files.
    var files: [KVBlockKey: Entry] = [:]
    for entry in scan().sorted(by: { $0.time < $1.time }) {
      // The same block in the folders of two versions: the one used last stays.
      if let old = files.updateValue(entry, forKey: entry.key) { remove(old) }
    }
    let known = parents
    parents = files.mapValues { known[$0.key] ?? DiskBlockFile.parent(ofFileAt: $0.path) }
    var order = KVEvictionOrder()
    for (key, entry) in files { order.insert(key, parent: parents[key] ?? nil, time: entry.time) }
    // The block before the new one is no tail, and a chain that is too long for the folder loses its end.
    order.insert(key, parent: parent, time: .max)
    while bytes > byteLimit - byteLimit / 16 - size, let first = order.removeFirst(), let entry = files[first] {
      remove(entry)
      parents[first] = nil
    }
  }

  private mutating func remove(_ entry: Entry) {
    guard entry.path.withPathPointer({ unlink($0) }) == 0 || errno == ENOENT else { return }
    (entries, bytes, evictions) = (entries - 1, bytes - entry.size, evictions + 1)
  }

  // MARK: The system

  /// A folder for the user alone, with those above it.
  private static func make(_ path: String) throws(FileError) {
    guard path.withPathPointer({ mkdir($0, 0o700) }) != 0, errno != EEXIST else { return }
    let number = errno
    let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    if number == ENOENT, !parent.isEmpty {
      try make(parent)
      if path.withPathPointer({ mkdir($0, 0o700) }) == 0 || errno == EEXIST { return }
    }
    throw FileError(.system, path: path, "this folder cannot be made: \(FileDescriptor.reason(number))")
  }

  private static func names(in path: String, _ flags: Int32) -> [String] {
    let number = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC | flags) }
    guard number >= 0, let folder = fdopendir(number) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 256) { name in
          String(pathBytes: UnsafeRawBufferPointer(start: name, count: strlen(name)))
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Whether a name is that of a layout's folder, of any version.
  private static func isLayout(_ name: String) -> Bool {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 2 && parts[0].hasPrefix("kv") && UInt32(parts[0].dropFirst(2)) != nil
      && parts[1].utf8.count == 32 && parts[1].allSatisfy { $0.isHexDigit }
  }
}
