import TesseraCL
import TesseraMemory
import TesseraModels

/// Where a model's blocks are kept besides the device.
struct PrefixTiers: Sendable {
  /// The first store, with those behind it.
  let store: any KVBlockStore
  let host: HostBlockStore?
  let disk: DiskBlockStore?
  /// Loads blocks on a thread of its own: files are read.
  let loader = TextWorker(name: "tessera blocks")

  /// Nil where no store is asked for.
  ///
  /// - Parameter layoutDigest: of the cache's layout.
  /// - Throws: `FileError` for a folder that is none.
  init?(_ options: LoadOptions, layoutDigest: [UInt8]) throws {
    disk = try options.diskCache.map {
      try DiskBlockStore(folder: $0.folder, byteLimit: $0.byteLimit, layoutDigest: layoutDigest)
    }
    host = options.hostCacheBytes > 0 ? HostBlockStore(byteLimit: options.hostCacheBytes, next: disk) : nil
    guard let store: any KVBlockStore = host ?? disk else { return nil }
    self.store = store
  }

  /// Blocks by their numbers, up to the first that is not there.
  ///
  /// - Parameter byteCount: of a block, all groups' parts.
  func load(
    _ names: [(number: Int, name: KVBlockKey)], byteCount: Int
  ) async -> (blocks: [Int: KVStoredBlock], seconds: Double) {
    let load: @Sendable () -> (blocks: [Int: KVStoredBlock], seconds: Double) = { [store] in
      let start = ContinuousClock.now
      var blocks: [Int: KVStoredBlock] = [:]
      for (number, name) in names {
        guard let block = store.load(name), block.bytes.count == byteCount else { break }
        blocks[number] = block
      }
      return (blocks, (.now - start).seconds)
    }
    return (try? await loader.run(load)) ?? ([:], 0)
  }
}

/// A request's blocks from a store.
enum PrefixFetch: Sendable {
  /// Nobody has looked yet.
  case unknown
  /// There is something to load, once another's is there.
  case wanted
  /// They are being loaded.
  case loading
  /// Those that were loaded, by their numbers; none where there was nothing to gain.
  case done([Int: KVStoredBlock])

  var blocks: [Int: KVStoredBlock] {
    if case .done(let blocks) = self { return blocks }
    return [:]
  }
  var isWanted: Bool { if case .wanted = self { true } else { false } }
  var isLoading: Bool { if case .loading = self { true } else { false } }
  var isDone: Bool { if case .done = self { true } else { false } }
}
