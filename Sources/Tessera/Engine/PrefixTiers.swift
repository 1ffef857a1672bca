import TesseraCL
import TesseraMemory
import TesseraModels

/// Where a model's blocks are kept besides the device.
struct PrefixTiers: Sendable {
  /// The first store, with those behind it.
  let store: any KVBlockStore
  let host: HostBlockStore?
  let disk: DiskBlockStore?
  /// Bytes of a block: all groups' parts.
  let blockBytes: Int
  /// What may be loaded for waiting requests and work beside them together: as much as one may have.
  let loadLimit: Int
  /// Loads blocks on a thread of its own: files are read.
  let loader = TextWorker(name: "tessera blocks")

  /// Nil where no store is asked for.
  ///
  /// - Parameters:
  ///   - layout: the cache's.
  ///   - layoutDigest: of it.
  /// - Throws: `FileError` for a folder that is none.
  init?(_ options: LoadOptions, _ layout: KVCacheLayout, contextLength: Int, layoutDigest: [UInt8]) throws {
    blockBytes = layout.storedBlockBytes
    loadLimit = layout.prefixBlockSize.map { contextLength / $0 * layout.storedBlockBytes } ?? 0
    disk = try options.diskCache.map {
      try DiskBlockStore(folder: $0.folder, byteLimit: $0.byteLimit, layoutDigest: layoutDigest)
    }
    host = options.hostCacheBytes > 0 ? HostBlockStore(byteLimit: options.hostCacheBytes, next: disk) : nil
    guard let store: any KVBlockStore = host ?? disk else { return nil }
    self.store = store
  }

  /// Blocks by their numbers, up to the first that is not there.
  func load(
    _ names: [(number: Int, name: KVBlockKey)]
  ) async -> (blocks: [Int: KVStoredBlock], seconds: Double) {
    let load: @Sendable () -> (blocks: [Int: KVStoredBlock], seconds: Double) = { [store, blockBytes] in
      let start = ContinuousClock.now
      var blocks: [Int: KVStoredBlock] = [:]
      for (number, name) in names {
        guard let block = store.load(name), block.bytes.count == blockBytes else { break }
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
  /// So many bytes are being loaded.
  case loading(Int)
  /// Those that were loaded, by their numbers; none where there was nothing to gain.
  case done([Int: KVStoredBlock])

  var blocks: [Int: KVStoredBlock] {
    if case .done(let blocks) = self { return blocks }
    return [:]
  }
  var isWanted: Bool { if case .wanted = self { true } else { false } }
  var isLoading: Bool { loadingBytes > 0 }
  var loadingBytes: Int { if case .loading(let bytes) = self { bytes } else { 0 } }
  var isDone: Bool { if case .done = self { true } else { false } }
}
