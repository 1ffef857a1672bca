import Foundation
import TestSupport
import Testing
import TesseraSystem

@testable import TesseraMemory

/// Whether all that is in a folder is a block's whole file, and how many there are.
private func audit(_ folder: URL) throws -> (blocks: Int, others: [String], bytes: Int) {
  var result = (blocks: 0, others: [String](), bytes: 0)
  for file in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap({ $0 as? URL })
    ?? []
  {
    guard let name = file.deletingPathExtension().lastPathComponent as String?, file.pathExtension == "kv",
      let key = KVBlockKey(hexadecimal: name[...])
    else {
      if !file.lastPathComponent.hasPrefix("kv1-"), file.lastPathComponent != "lock" { result.others.append(file.path) }
      continue
    }
    let reading = DiskBlockFile(key: key, layoutDigest: Fingerprint([1]).bytes).read(file.path, limit: 1 << 30)
    guard case .found(let block) = reading else {
      result.others.append("\(file.path): \(reading)")
      continue
    }
    result.blocks += 1
    result.bytes += block.bytes.count + DiskBlockFile.headerBytes
  }
  return result
}

private func open(_ path: String, _ byteLimit: Int = 1 << 30, retry: Duration = .seconds(60)) throws -> DiskBlockStore {
  try DiskBlockStore(
    folder: path, byteLimit: byteLimit, layoutDigest: Fingerprint([1]).bytes, pendingByteLimit: 1 << 30,
    retryInterval: retry)
}

@Suite("KV blocks on disks that fail")
struct DiskBlockFailureTests {
  @Test("a full disk costs the tier, until there is room again")
  func fullDisk() async {
    await #expect(processExitsWith: .success) {
      // The system refuses to write past this length, as a full disk does.
      signal(SIGXFSZ, SIG_IGN)
      try withTemporaryFolder { folder in
        let store = try open(folder.path, retry: .seconds(5))
        store.store(blockKey(1), parent: nil, blockBytes(1))
        store.flush()
        var limit = rlimit(rlim_cur: 4096, rlim_max: rlim_t.max)
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit)
        store.store(blockKey(2), parent: nil, blockBytes(2, count: 10_000))
        store.flush()
        store.store(blockKey(3), parent: nil, blockBytes(3))
        store.flush()
        // What was there is found, and nothing is half there.
        #expect(store.load(blockKey(1)) != nil && store.load(blockKey(2)) == nil && store.load(blockKey(3)) == nil)
        #expect(store.statistics.errors == 1 && store.statistics.dropped == 1)
        let audited = try audit(folder)
        #expect(audited.blocks == 1 && audited.others == [])
        limit.rlim_cur = rlim_t.max
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_FSIZE.rawValue)), &limit)
        sleep(6)
        store.store(blockKey(2), parent: nil, blockBytes(2, count: 10_000))
        store.flush()
        #expect(store.load(blockKey(2)) != nil && store.statistics.errors == 1)
      }
    }
  }

  @Test("folders that cannot be made or are gone cost the tier, until they can be made again")
  func folders() throws {
    try withTemporaryFolder { folder in
      // Not even root makes folders there.
      let nowhere = try open("/proc/tessera/cache")
      nowhere.store(blockKey(1), parent: nil, blockBytes(1))
      nowhere.flush()
      #expect(nowhere.load(blockKey(1)) == nil && !nowhere.contains(blockKey(1)))
      #expect(nowhere.statistics.errors == 1 && nowhere.statistics.dropped == 1)

      let place = folder.appendingPathComponent("cache")
      let store = try open(place.path, retry: .zero)
      store.store(blockKey(1), parent: nil, blockBytes(1))
      store.flush()
      try FileManager.default.removeItem(at: place)
      #expect(store.load(blockKey(1)) == nil && store.statistics.errors == 0)
      store.store(blockKey(1), parent: nil, blockBytes(1))
      store.flush()
      #expect(store.load(blockKey(1)) != nil && store.statistics.entries == 1)
      try FileManager.default.removeItem(at: place)
      try Data([1]).write(to: place)
      store.store(blockKey(2), parent: nil, blockBytes(2))
      store.flush()
      #expect(store.load(blockKey(2)) == nil && store.load(blockKey(1)) == nil && store.statistics.errors == 1)

      #expect(throws: FileError.self) { try open(place.path) }
      #expect(throws: FileError.self) { try open("") }
      #expect(throws: FileError.self) {
        try DiskBlockStore(folder: folder.path, byteLimit: 1, layoutDigest: [1, 2])
      }
    }
  }

  @Test("files of sizes that no block has are none: they go, and are not counted", arguments: [1 << 20, .max])
  func tooLarge(_ byteLimit: Int) throws {
    // Where it is, the file system in memory: others have no files whose sizes together are beyond an Int.
    let shared = URL(fileURLWithPath: "/dev/shm")
    let base = FileManager.default.isWritableFile(atPath: shared.path) ? shared : FileManager.default.temporaryDirectory
    let folder = base.appendingPathComponent("tessera-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let own = folder.appendingPathComponent("kv1-" + String(repeating: "0", count: 32))
    try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
    for number in 2..<4 {
      let file = own.appendingPathComponent("\(blockKey(number)).kv").path
      try Data([1]).write(to: URL(fileURLWithPath: file))
      let isTruncated = [Int.max - 4095, 1 << 42].contains { truncate(file, $0) == 0 }
      #expect(isTruncated)
    }
    let store = try open(folder.path, byteLimit)
    store.flush()
    #expect(store.statistics.entries == 0 && store.statistics.bytes == 0)
    store.store(blockKey(1), parent: nil, blockBytes(1))
    store.flush()
    #expect(store.load(blockKey(1))?.bytes == blockBytes(1) && store.statistics.errors == 0)
    #expect(store.statistics.bytes == 1000 + DiskBlockFile.headerBytes && store.statistics.entries == 1)
    let audited = try audit(folder)
    #expect(audited.blocks == 1 && audited.others == [])
  }

  @Test("two stores on one folder: what either finds is whole, and the folder keeps its size")
  func twoStores() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let byteLimit = 20 * (1000 + DiskBlockFile.headerBytes)
    let stores = [try open(folder.path, byteLimit), try open(folder.path, byteLimit)]
    await withTaskGroup(of: String?.self) { group in
      for (index, store) in stores.enumerated() {
        group.addTask {
          var random = TestGenerator(state: UInt64(index))
          for step in 0..<400 {
            let number = Int.random(in: 0..<60, using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
              for number in number / 10 * 10...number {
                store.store(blockKey(number), parent: number % 10 == 0 ? nil : blockKey(number - 1), blockBytes(number))
              }
            } else if let block = store.load(blockKey(number)), block.bytes != blockBytes(number) {
              return "step \(step): \(number) has other bytes"
            }
            if step % 50 == 0 { store.flush() }
          }
          store.flush()
          return store.statistics.errors == 0 ? nil : "\(store.statistics)"
        }
      }
      for await problem in group { #expect(problem == nil) }
    }
    let audited = try audit(folder)
    #expect(audited.others == [] && audited.blocks > 5 && audited.bytes <= byteLimit)
    // Both know what the other has done as soon as they write.
    for store in stores {
      store.store(blockKey(99), parent: nil, blockBytes(99))
      store.flush()
    }
    #expect(stores[0].load(blockKey(99)) == stores[1].load(blockKey(99)) && stores[0].load(blockKey(99)) != nil)
    #expect(stores[1].statistics.bytes == (try audit(folder)).bytes)
  }

  @Test("a process that is killed at any time leaves a folder that others go on with", arguments: 0..<6)
  func killed(_ round: Int) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let byteLimit = 12 * (200_000 + DiskBlockFile.headerBytes)
    let mine = try open(folder.path, byteLimit)
    let delay = 20 + 17 * round
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = folder.path as String, byteLimit = byteLimit as Int, delay = delay as Int] in
      let store = try open(path, byteLimit)
      store.store(blockKey(1), parent: nil, blockBytes(1, count: 200_000))
      store.flush()
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(delay)) { kill(getpid(), SIGKILL) }
      for number in 2... {
        store.store(blockKey(number), parent: nil, blockBytes(number % 100, count: 200_000))
        if number % 5 == 0 { store.flush() }
      }
    }
    mine.store(blockKey(1 << 40), parent: nil, blockBytes(7))
    mine.flush()
    #expect(mine.load(blockKey(1 << 40))?.bytes == blockBytes(7) && mine.statistics.errors == 0)
    let audited = try audit(folder)
    #expect(audited.others == [] && audited.blocks > 1 && audited.bytes <= byteLimit)
    #expect(mine.statistics.bytes == audited.bytes && mine.statistics.entries == audited.blocks)
  }
}
