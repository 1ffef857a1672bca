import Foundation
import Synchronization
import TesseraCL
import TesseraSystem

/// Blocks in a folder, which survive the process and which several processes may use at once.
///
/// Files are written on a thread of the store's own. What comes faster than that, a disk that is full or fails, a folder that cannot be
/// written or is gone cost this tier only: one warning is logged, and some time later it is tried again.
package final class DiskBlockStore: KVBlockStore {
  fileprivate struct State {
    /// What is to be written.
    var pending: [KVBlockKey: KVStoredBlock] = [:]
    var pendingBytes = 0
    /// The last block that was not taken: what follows it is not either.
    var refused: KVBlockKey?
    /// Until when nothing is written because it has failed.
    var pause: ContinuousClock.Instant?
    var isWarned = false
    var statistics = KVStoreStatistics()
  }

  /// What may wait to be written, by default.
  package static let pendingByteLimit = 128 << 20

  private let state: Mutex<State>
  /// Only the queue uses what changes of it.
  private let folder: Mutex<DiskBlockFolder>
  /// The same as it was made: where files are.
  private let place: DiskBlockFolder
  private let layoutDigest: [UInt8]
  private let pendingByteLimit: Int
  private let retryInterval: Duration
  private let useInterval: Duration
  private let queue = DispatchQueue(label: "tessera.kv-disk", qos: .utility)

  /// - Parameters:
  ///   - folder: is made where it is missing; only the user can read what is written into it.
  ///   - byteLimit: of all blocks in the folder, those of other models too.
  ///   - layoutDigest: ``KVCacheLayout/digest(model:style:)``: blocks of others are not found.
  ///   - pendingByteLimit: of what waits to be written; a block that comes when it is reached is dropped.
  ///   - retryInterval: how long nothing is written after a failure.
  ///   - useInterval: how often the folder is told what was used elsewhere, for other processes and later ones; this one knows.
  /// - Throws: `FileError` where something else than a folder is at the path, or the digest is none. That a folder cannot be
  ///   made or written is no error.
  package init(
    folder: String, byteLimit: Int, layoutDigest: [UInt8], pendingByteLimit: Int = DiskBlockStore.pendingByteLimit,
    retryInterval: Duration = .seconds(60), useInterval: Duration = .seconds(60)
  ) throws(FileError) {
    guard !folder.isEmpty, !folder.utf8.contains(0) else {
      throw FileError(.notFound, path: folder, "this is no path of a folder: name one")
    }
    guard layoutDigest.count == KVBlockKey.byteCount else {
      throw FileError(.malformed, path: folder, "a layout's digest of \(layoutDigest.count) bytes")
    }
    if FileDescriptor.exists(folder), !FileDescriptor.isFolder(folder) {
      throw FileError(.system, path: folder, "this is no folder: name one for the cache")
    }
    place = DiskBlockFolder(path: folder, byteLimit: max(byteLimit, 0), layoutDigest: layoutDigest)
    self.folder = Mutex(place)
    (self.layoutDigest, self.pendingByteLimit) = (layoutDigest, pendingByteLimit)
    (self.retryInterval, self.useInterval) = (retryInterval, useInterval)
    var state = State()
    state.statistics.byteLimit = max(byteLimit, 0)
    self.state = Mutex(state)
    queue.async { self.look() }
  }

  package func contains(_ key: KVBlockKey) -> Bool {
    state.withLock { $0.pending[key] != nil } || place.contains(key)
  }

  package func load(_ key: KVBlockKey) -> KVStoredBlock? {
    let waiting = state.withLock { state in
      if state.pending[key] != nil { state.statistics.hits += 1 }
      return state.pending[key]
    }
    if let waiting { return waiting }
    let file = DiskBlockFile(key: key, layoutDigest: layoutDigest)
    let reading = place.isSafe ? file.read(place.path(of: key), limit: place.byteLimit) : .absent
    if reading == .invalid {
      place.removeFile(of: key)
      queue.async { self.folder.withLock { $0.forget() } }
    }
    return state.withLock { state in
      if case .found(let block) = reading {
        state.statistics.hits += 1
        return block
      }
      state.statistics.misses += 1
      if reading != .absent { state.statistics.errors += 1 }
      return nil
    }
  }

  package func store(_ key: KVBlockKey, parent: KVBlockKey?, _ bytes: [UInt8]) {
    let block = KVStoredBlock(parent: parent, bytes: bytes, tier: .disk)
    let isTaken = state.withLock { state in
      // Another process, or an earlier time, may have written what was not taken now.
      let isLost = parent.map { $0 == state.refused && !place.contains($0) } ?? false
      return state.take(key, block, limit: isLost ? nil : pendingByteLimit)
    }
    if isTaken { queue.async { self.write(key) } }
  }

  package func touch(_ keys: [KVBlockKey]) {
    // In the order of what is written: a file's time is that of its writing.
    queue.async { self.folder.withLock { $0.use(keys, telling: self.useInterval) } }
  }

  package func remove(_ keys: [KVBlockKey]) {
    state.withLock { state in
      for key in keys { state.drop(key) }
    }
    // At once, and again behind one that is just being written.
    for key in keys { place.removeFile(of: key) }
    queue.async {
      for key in keys { self.place.removeFile(of: key) }
      self.folder.withLock { $0.forget() }
    }
  }

  package func flush() { queue.sync { folder.withLock { $0.tellUses() } } }

  package var statistics: KVStoreStatistics { state.withLock { $0.statistics } }

  // MARK: On the queue

  /// Sees what the folder holds, and that it can be written.
  private func look() {
    finish { folder throws(FileError) in
      try folder.look()
      return true
    }
  }

  private func write(_ key: KVBlockKey) {
    guard let block = state.withLock({ $0.pending[key] }) else { return }
    if state.withLock({ $0.isPaused }) {
      folder.withLock { $0.refuse(key) }
      state.withLock { $0.statistics.dropped += 1 }
    } else {
      finish { folder throws(FileError) in try folder.write(key, block) }
    }
    state.withLock { $0.drop(key) }
  }

  /// Does what may fail, and notes how it ended. `body` returns false where there was no room.
  private func finish(_ body: (inout DiskBlockFolder) throws(FileError) -> Bool) {
    let (problem, isKept, folder) = folder.withLock { folder -> (FileError?, Bool, DiskBlockFolder) in
      do throws(FileError) { return (nil, try body(&folder), folder) } catch { return (error, false, folder) }
    }
    let isFirst = state.withLock { state in
      state.statistics.entries = folder.entries
      state.statistics.bytes = folder.bytes
      state.statistics.evictions = folder.evictions
      guard problem != nil else {
        if !isKept { state.statistics.dropped += 1 }
        return false
      }
      state.statistics.errors += 1
      state.pause = .now + retryInterval
      defer { state.isWarned = true }
      return !state.isWarned
    }
    if let problem, isFirst {
      Notes.logger.warning("the cache on disk stands still, and is tried again later: \(problem)")
    }
  }
}

extension DiskBlockStore.State {
  var isPaused: Bool { pause.map { ContinuousClock.now < $0 } ?? false }

  /// Forgets what waits to be written, if it still does.
  mutating func drop(_ key: KVBlockKey) {
    guard let block = pending.removeValue(forKey: key) else { return }
    pendingBytes -= block.bytes.count
  }

  /// Whether a block is to be written, which then waits for it.
  ///
  /// - Parameter limit: of what waits; nil where the block is of no use without the one before it, which is lost.
  mutating func take(_ key: KVBlockKey, _ block: KVStoredBlock, limit: Int?) -> Bool {
    guard pending[key] == nil else { return false }
    let isTooLarge = block.bytes.count + DiskBlockFile.headerBytes > statistics.byteLimit
    // One block may always wait.
    let isTooMuch = limit.map { !pending.isEmpty && pendingBytes + block.bytes.count > $0 } ?? true
    guard !isTooLarge, !isTooMuch, !isPaused else {
      refused = key
      statistics.dropped += 1
      return false
    }
    if refused == key { refused = nil }
    pending[key] = block
    pendingBytes += block.bytes.count
    return true
  }
}
