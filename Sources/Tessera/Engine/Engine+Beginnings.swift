import TesseraCL
import TesseraMemory
import TesseraModels

/// What work beside requests shares of its sequences with others.
struct SharedBeginning: Sendable {
  /// Shared with those of the same salt alone (`GenerationOptions.cacheSalt`).
  var salt: String?
  /// Tokens that nobody wants a row of, the first ones: those that are there are not computed.
  var unwanted = 0
}

/// What a chunk's numbers say of what was computed up to them.
enum Soundness: Sendable {
  /// None was looked at.
  case unseen
  case finite
  case notFinite
}

extension Engine {
  /// An empty sequence, or one that begins with what the cache and the stores have of some tokens, and whose blocks others find
  /// as it computes these.
  ///
  /// - Returns: with the names of what the stores gave, which is to be distrusted where numbers behind it are not finite
  func makeSequence(_ tokens: [Int], adapter: Int?, sharing: SharedBeginning?) async throws
    -> (sequence: KVSequence, unproven: [KVBlockKey])
  {
    let model = try model()
    let sequence = model.runner.cache.makeSequence(adapter: adapter)
    guard let sharing, var chain = model.prefixes?.chain(adapter: adapter, salt: sharing.salt) else {
      return (sequence, [])
    }
    chain.append(tokens)
    sequence.name(chain.names)
    do {
      defer { endLoading() }
      let names = Array(chain.names.prefix(max(0, min(sharing.unwanted, tokens.count - 1)) / chain.blockSize))
      let loaded = try await load(names, chain.blockSize, model)
      let cache = model.runner.cache
      let count = cache.prefix(of: names) { loaded[$0] != nil }.tokenCount
      guard count > 0 else { return (sequence, []) }
      let used = try withRoom(makeRoom) { try model.runner.restore(sequence, count: count) { loaded[$0]?.bytes } }
      model.tiers?.store.touch(Array(names.prefix(count / chain.blockSize)))
      return (sequence, used.map { names[$0] })
    } catch {
      sequence.close()
      throw error
    }
  }

  /// Blocks that the stores have behind those of the device, by their numbers, where loading them is worth it: the first of them,
  /// as far as what was loaded for requests leaves room.
  private func load(_ names: [KVBlockKey], _ blockSize: Int, _ model: Loaded) async throws -> [Int: KVStoredBlock] {
    guard let tiers = model.tiers, let all = missing(of: names, blockSize, tiers, model) else { return [:] }
    let taken = requests.values.reduce(0) { $0 + $1.fetch.loadingBytes + $1.fetch.blocks.count * tiers.blockBytes }
    let numbers = all.prefix(max(0, tiers.loadLimit - taken) / max(1, tiers.blockBytes))
    guard !numbers.isEmpty else { return [:] }
    workBytes = numbers.count * tiers.blockBytes
    let (blocks, seconds) = await tiers.load(numbers.map { ($0, names[$0]) })
    loading.didCopy(bytes: blocks.count * tiers.blockBytes, seconds: seconds)
    try Task.checkCancellation()
    return blocks
  }

  /// Says that the work holds no loaded blocks any more: requests may wait for their room.
  private func endLoading() {
    guard workBytes > 0 else { return }
    workBytes = 0
    start()
  }

  /// Whether an error says that nobody should share what was computed.
  static func isFault(_ error: any Error) -> Bool {
    error is CLError || (error as? TesseraError)?.code == .notFinite
  }
}
