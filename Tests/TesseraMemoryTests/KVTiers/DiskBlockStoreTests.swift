import Foundation
import TestSupport
import Testing
import TesseraSystem

@testable import TesseraMemory

private let digest = Fingerprint([1]).bytes

private func open(
  _ folder: URL, _ byteLimit: Int = 1 << 30, digest: [UInt8] = digest, pending: Int = 1 << 30,
  retry: Duration = .seconds(60), use: Duration = .seconds(60)
) throws -> DiskBlockStore {
  try DiskBlockStore(
    folder: folder.path, byteLimit: byteLimit, layoutDigest: digest, pendingByteLimit: pending, retryInterval: retry,
    useInterval: use)
}

/// Blocks' files, of all layouts, and what else lies beside them.
private func files(_ folder: URL) throws -> [URL] {
  let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
  return all.filter { $0.deletingLastPathComponent().lastPathComponent.hasPrefix("kv1-") }
    .sorted { $0.lastPathComponent < $1.lastPathComponent }
}

private func mode(_ file: URL) throws -> Int {
  let number = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? NSNumber
  return try #require(number).intValue
}

/// Room for so many blocks of ``blockBytes(_:count:)``, and what is freed ahead.
private func limit(_ blocks: Int) -> Int { blocks * (1000 + DiskBlockFile.headerBytes) }

@Suite("KV blocks on disk")
struct DiskBlockStoreTests {
  @Test("blocks survive the store, for the user alone and for the same layout")
  func restart() throws {
    try withTemporaryFolder { folder in
      let place = folder.appendingPathComponent("new/cache")
      // More than a piece of the checksum, and no whole number of them.
      let large = blockBytes(2, count: 2 << 20 | 77)
      do {
        let store = try open(place)
        #expect(!store.contains(blockKey(1)) && store.load(blockKey(1)) == nil)
        store.store(blockKey(1), parent: nil, blockBytes(1))
        store.store(blockKey(2), parent: blockKey(1), large)
        store.store(blockKey(3), parent: blockKey(2), [])
        // Also what is not written yet.
        #expect(store.contains(blockKey(2)) && store.load(blockKey(2))?.bytes == large)
        store.flush()
        let statistics = store.statistics
        #expect(statistics.entries == 3 && statistics.bytes == 1000 + large.count + 3 * DiskBlockFile.headerBytes)
        #expect(statistics.hits == 1 && statistics.misses == 1 && statistics.errors == 0 && statistics.dropped == 0)
      }
      let store = try open(place)
      #expect(store.load(blockKey(1)) == KVStoredBlock(parent: nil, bytes: blockBytes(1), tier: .disk))
      #expect(store.load(blockKey(2)) == KVStoredBlock(parent: blockKey(1), bytes: large, tier: .disk))
      #expect(store.contains(blockKey(3)) && store.load(blockKey(3))?.bytes == [])
      store.flush()
      #expect(store.statistics.entries == 3)
      let other = try open(place, digest: Fingerprint([2]).bytes)
      #expect(!other.contains(blockKey(1)) && other.load(blockKey(1)) == nil)
      for file in try files(place) { #expect(try mode(file) == 0o600) }
      #expect(try mode(place) == 0o700 && mode(try files(place)[0].deletingLastPathComponent()) == 0o700)
      #expect(
        try mode(folder.appendingPathComponent("new")) == 0o700 && mode(place.appendingPathComponent("lock")) == 0o600)
    }
  }

  @Test("what is damaged, cut short, too large or another's is a miss, and is taken away")
  func damage() throws {
    try withTemporaryFolder { folder in
      let store = try open(folder)
      let parts = [0, 4, 8, 40, 72, 104, 112, DiskBlockFile.headerBytes, DiskBlockFile.headerBytes + 999]
      func damage(_ what: String, _ change: (URL) throws -> Void) throws {
        store.store(blockKey(1), parent: blockKey(0), blockBytes(1))
        store.flush()
        let file = try #require(try files(folder).first)
        try change(file)
        #expect(store.load(blockKey(1)) == nil, "\(what)")
        #expect(try files(folder).isEmpty, "\(what)")
      }
      for place in parts {
        try damage("byte \(place)") { file in
          var data = try Data(contentsOf: file)
          data[place] ^= 1
          try data.write(to: file)
        }
      }
      for count in [0, 1, DiskBlockFile.headerBytes - 1, DiskBlockFile.headerBytes, DiskBlockFile.headerBytes + 999] {
        try damage("\(count) bytes") { try Data(contentsOf: $0).prefix(count).write(to: $0) }
      }
      try damage("more bytes") { try (Data(contentsOf: $0) + [0]).write(to: $0) }
      try damage("2 GiB of nothing") { truncate($0.path, 2 << 30) }
      try damage("a file that others may write") { chmod($0.path, 0o622) }
      try damage("a link") { file in
        let elsewhere = folder.appendingPathComponent("elsewhere")
        try? FileManager.default.removeItem(at: elsewhere)
        try FileManager.default.moveItem(at: file, to: elsewhere)
        try FileManager.default.createSymbolicLink(at: file, withDestinationURL: elsewhere)
      }
      try damage("a pipe") { file in
        try FileManager.default.removeItem(at: file)
        #expect(mkfifo(file.path, 0o600) == 0)
      }
      let count = parts.count + 5 + 5
      #expect(store.statistics.errors == count && store.statistics.misses == count)
      // Another block's file under this name.
      store.store(blockKey(2), parent: nil, blockBytes(2))
      store.flush()
      let file = try #require(try files(folder).first)
      try FileManager.default.moveItem(
        at: file, to: file.deletingLastPathComponent().appendingPathComponent("\(blockKey(3)).kv"))
      #expect(store.load(blockKey(3)) == nil && store.load(blockKey(2)) == nil)
      #expect(try files(folder).isEmpty)
      // A folder in its place is left alone.
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
      store.store(blockKey(2), parent: nil, blockBytes(2))
      store.flush()
      #expect(store.load(blockKey(2)) == nil && !store.contains(blockKey(2)))
    }
  }

  private static func time(_ store: URL, _ key: Int) throws -> Date {
    let file = try #require(try files(store).first { $0.lastPathComponent == "\(blockKey(key)).kv" })
    return try #require(try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date)
  }

  private static func age(_ folder: URL) throws {
    for file in try files(folder) {
      let time = Date(timeIntervalSince1970: 1e9)
      try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: file.path)
    }
  }

  @Test("what is used elsewhere stays while others go, and its files are told seldom")
  func touch() throws {
    try withTemporaryFolder { folder in
      let store = try open(folder, limit(8))
      for place in 0..<2 { store.store(blockKey(place), parent: place == 0 ? nil : blockKey(0), blockBytes(place)) }
      store.flush()
      try Self.age(folder)
      store.touch([blockKey(0), blockKey(1)])
      store.flush()
      let told = try (Self.time(folder, 0), Self.time(folder, 1))
      #expect(told.0.timeIntervalSinceNow > -60 && told.1.timeIntervalSinceNow > -60)
      // Again within the interval: nothing is written before others need the room, or the end.
      try Self.age(folder)
      for _ in 0..<5 { store.touch([blockKey(0), blockKey(1), blockKey(99)]) }
      // What is queued behind is done when this is.
      store.store(blockKey(2), parent: nil, blockBytes(2))
      while store.statistics.entries < 3 { usleep(1000) }
      #expect(try Self.time(folder, 1).timeIntervalSince1970 == 1e9)
      for number in 10..<40 {
        store.touch([blockKey(0), blockKey(1)])
        store.store(blockKey(number), parent: nil, blockBytes(number))
      }
      store.flush()
      #expect(store.contains(blockKey(0)) && store.contains(blockKey(1)) && !store.contains(blockKey(10)))
      #expect(store.contains(blockKey(39)) && store.statistics.evictions > 20)
      // Another process goes by what the files tell.
      try Self.age(folder)
      store.touch([blockKey(0), blockKey(1)])
      store.flush()
      let other = try open(folder, limit(8))
      for number in 50..<53 { other.store(blockKey(number), parent: nil, blockBytes(number)) }
      other.flush()
      #expect(other.contains(blockKey(0)) && other.contains(blockKey(1)) && other.contains(blockKey(52)))
    }
  }

  @Test("a use does not make a file older than it is")
  func touchOrder() throws {
    try withTemporaryFolder { folder in
      let store = try open(folder)
      store.store(blockKey(1), parent: nil, blockBytes(1))
      store.flush()
      store.touch([blockKey(1)])
      let later = Date(timeIntervalSinceNow: 1000)
      let file = try #require(try files(folder).first)
      try FileManager.default.setAttributes([.modificationDate: later], ofItemAtPath: file.path)
      store.flush()
      #expect(abs(try Self.time(folder, 1).timeIntervalSince(later)) < 1)
    }
  }

  @Test("blocks that are removed are gone, also those that are still to be written")
  func remove() throws {
    try withTemporaryFolder { folder in
      let store = try open(folder)
      store.store(blockKey(1), parent: nil, blockBytes(1))
      store.flush()
      for number in 2..<40 { store.store(blockKey(number), parent: blockKey(number - 1), blockBytes(number)) }
      store.remove((1..<30).map(blockKey))
      #expect(!(1..<30).contains { store.contains(blockKey($0)) } && store.load(blockKey(1)) == nil)
      store.flush()
      #expect(!(1..<30).contains { store.contains(blockKey($0)) })
      #expect((30..<40).allSatisfy { store.contains(blockKey($0)) })
      #expect(try files(folder).count == 10)
      // What waits is counted right, so that it is taken again.
      store.store(blockKey(1), parent: nil, blockBytes(1))
      store.flush()
      #expect(store.load(blockKey(1))?.bytes == blockBytes(1) && store.statistics.entries == 11)
    }
  }

  @Test("a link in the place of the layout's folder is not followed")
  func linkedFolder() throws {
    try withTemporaryFolder { folder in
      let place = folder.appendingPathComponent("cache")
      let store = try open(place, retry: .zero)
      store.store(blockKey(1), parent: nil, blockBytes(1))
      store.flush()
      let own = try #require(try files(place).first).deletingLastPathComponent()
      let elsewhere = folder.appendingPathComponent("elsewhere")
      try FileManager.default.moveItem(at: own, to: elsewhere)
      try FileManager.default.createSymbolicLink(at: own, withDestinationURL: elsewhere)
      #expect(store.load(blockKey(1)) == nil)
      store.store(blockKey(2), parent: nil, blockBytes(2))
      store.flush()
      #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere.path).count == 1)
      #expect(store.statistics.errors == 1)
    }
  }

  @Test("the folder keeps its size: tails go before heads, chains by their last use, other layouts' blocks too")
  func size() throws {
    try withTemporaryFolder { folder in
      let mine = folder.appendingPathComponent("mine.txt")
      try Data(count: 100_000).write(to: mine)
      let other = try open(folder, limit(8), digest: Fingerprint([2]).bytes)
      other.store(blockKey(50), parent: nil, blockBytes(50))
      other.flush()
      usleep(20_000)
      do {
        let first = try open(folder, limit(8))
        for chain in [0, 10] {
          for place in 0..<3 {
            first.store(
              blockKey(chain + place), parent: place == 0 ? nil : blockKey(chain + place - 1), blockBytes(chain))
          }
          first.flush()
          usleep(20_000)
        }
      }
      // After a restart parents are read from the files.
      let store = try open(folder, limit(8))
      for place in 0..<3 { #expect(store.load(blockKey(place)) != nil) }
      usleep(20_000)
      for place in 20..<22 {
        store.store(blockKey(place), parent: place == 20 ? nil : blockKey(place - 1), blockBytes(place))
      }
      store.flush()
      // Eight fit, and with room ahead seven: the other layout's goes, and the end of the chain used the longest ago.
      #expect(HostBlockStoreTests.present(store, 0..<30) == [0, 1, 2, 10, 11, 20, 21])
      #expect(!other.contains(blockKey(50)) && store.statistics.evictions == 2)
      // A chain that is longer than the folder keeps its head.
      for place in 0..<12 {
        store.store(blockKey(30 + place), parent: place == 0 ? nil : blockKey(29 + place), blockBytes(30))
      }
      store.flush()
      #expect(HostBlockStoreTests.present(store, 0..<50) == Array(30..<38))
      #expect(store.statistics.bytes == limit(8) && store.statistics.entries == 8 && store.statistics.dropped == 4)
      store.store(blockKey(60), parent: nil, blockBytes(0, count: limit(8)))
      #expect(!store.contains(blockKey(60)) && store.statistics.dropped == 5)
      #expect(try Data(contentsOf: mine).count == 100_000)
    }
  }

  @Test("a block for which there was no room, and then is, is followed by others again")
  func refusedOnce() throws {
    try withTemporaryFolder { folder in
      let store = try open(folder, limit(2))
      for place in 0..<3 {
        store.store(blockKey(place), parent: place == 0 ? nil : blockKey(place - 1), blockBytes(place))
      }
      store.flush()
      #expect(HostBlockStoreTests.present(store, 0..<3) == [0, 1] && store.statistics.dropped == 1)
      for file in try files(folder) { try FileManager.default.removeItem(at: file) }
      store.store(blockKey(2), parent: nil, blockBytes(2))
      store.flush()
      // Its file goes: whatever became of it, it was written.
      for file in try files(folder) { try FileManager.default.removeItem(at: file) }
      store.store(blockKey(3), parent: blockKey(2), blockBytes(3))
      store.flush()
      #expect(HostBlockStoreTests.present(store, 0..<4) == [3] && store.statistics.dropped == 1)
    }
  }

  @Test("more than can be written at once is dropped, and nobody waits", .timeLimit(.minutes(60)))
  func queue() throws {
    try withTemporaryFolder { folder in
      let store = try open(folder, pending: 2500)
      store.flush()
      try FolderLock.hold(folder.path + "/lock") { _ in
        for number in 0..<5 { store.store(blockKey(number), parent: nil, blockBytes(number)) }
        #expect(store.statistics.dropped == 3 && store.load(blockKey(1))?.bytes == blockBytes(1))
        #expect((try? files(folder).isEmpty) == true)
        // Another one would wait in vain.
        #expect(throws: FileError.self) {
          try FolderLock.hold(folder.path + "/lock", patience: .milliseconds(10)) { _ in }
        }
      }
      store.flush()
      #expect(try files(folder).count == 2 && store.statistics.errors == 0)
      // One block may always wait.
      store.store(blockKey(9), parent: nil, blockBytes(9, count: 10_000))
      store.flush()
      #expect(store.load(blockKey(9))?.bytes == blockBytes(9, count: 10_000))
    }
  }

  @Test("what follows a block that was dropped is dropped too, until that is stored", .timeLimit(.minutes(60)))
  func holes() throws {
    try withTemporaryFolder { folder in
      let store = try open(folder, pending: 2500)
      store.flush()
      func chain(_ places: Range<Int>) {
        for place in places {
          store.store(blockKey(place), parent: place == 0 ? nil : blockKey(place - 1), blockBytes(place))
        }
      }
      try FolderLock.hold(folder.path + "/lock") { _ in chain(0..<4) }
      store.flush()
      #expect(HostBlockStoreTests.present(store, 0..<4) == [0, 1] && store.statistics.dropped == 2)
      chain(4..<5)
      store.flush()
      #expect(HostBlockStoreTests.present(store, 0..<5) == [0, 1] && store.statistics.dropped == 3)
      for place in 0..<5 {
        chain(place..<place + 1)
        store.flush()
      }
      #expect(HostBlockStoreTests.present(store, 0..<5) == [0, 1, 2, 3, 4] && store.statistics.dropped == 3)
    }
  }

  @Test("random chains, stored, loaded and damaged: no tail without its head, no other bytes, never too large")
  func property() throws {
    try withTemporaryFolder { folder in
      var random = TestGenerator(state: 5)
      // Ten trees of chains of at most four blocks.
      let parents = (0..<60).map {
        $0 < 10 ? nil : Optional($0 < 20 ? $0 - 10 : $0 - Int.random(in: 10..<20, using: &random))
      }
      func chain(_ number: Int) -> [Int] { (parents[number].map(chain) ?? []) + [number] }
      var store = try open(folder, limit(12))
      var (damaged, evictions) = (Set<Int>(), 0)
      for step in 0..<300 {
        let number = Int.random(in: 0..<60, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0:
          evictions += store.statistics.evictions
          store = try open(folder, limit(12))
        case 1:
          guard let file = try files(folder).first else { break }
          truncate(file.path, 500)
          damaged.formUnion((0..<60).filter { file.lastPathComponent == "\(blockKey($0)).kv" })
        case 2..<12:
          for place in chain(number) {
            store.store(blockKey(place), parent: parents[place].map(blockKey), blockBytes(place))
          }
          store.flush()
          let present = HostBlockStoreTests.present(store, chain(number))
          #expect(present == chain(number), "step \(step): \(present) of \(chain(number))")
        default:
          for place in chain(number) {
            guard let block = store.load(blockKey(place)) else { break }
            #expect(block.bytes == blockBytes(place) && block.parent == parents[place].map(blockKey), "step \(step)")
          }
        }
        store.flush()
        let sizes = try files(folder).map { try Data(contentsOf: $0).count }
        #expect(sizes.reduce(0, +) <= limit(12), "step \(step)")
        let present = Set(HostBlockStoreTests.present(store, 0..<60))
        let orphans = present.filter { parents[$0].map { !present.contains($0) && !damaged.contains($0) } ?? false }
        #expect(orphans.isEmpty, "step \(step)")
      }
      #expect(evictions > 20 && store.statistics.dropped == 0)
    }
  }
}
