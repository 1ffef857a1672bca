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

extension Engine {
  /// An empty sequence, or one that begins with what the cache and the stores have of some tokens, and whose blocks others find
  /// as it computes these.
  func makeSequence(_ tokens: [Int], adapter: Int?, sharing: SharedBeginning?) async throws -> KVSequence {
    let model = try model()
    let sequence = model.runner.cache.makeSequence(adapter: adapter)
    guard let sharing, var chain = model.prefixes?.chain(adapter: adapter, salt: sharing.salt) else { return sequence }
    chain.append(tokens)
    sequence.name(chain.names)
    do {
      let names = Array(chain.names.prefix(max(0, min(sharing.unwanted, tokens.count - 1)) / chain.blockSize))
      let loaded = try await load(names, chain.blockSize, model)
      let cache = model.runner.cache
      let count = cache.prefix(of: names) { loaded[$0] != nil }.tokenCount
      if count > 0 {
        _ = try withRoom(makeRoom) { try model.runner.restore(sequence, count: count) { loaded[$0]?.bytes } }
        model.tiers?.store.touch(Array(names.prefix(count / chain.blockSize)))
      }
    } catch {
      sequence.close()
      throw error
    }
    return sequence
  }

  /// Blocks that the stores have behind those of the device, by their numbers, where loading them is worth it.
  private func load(_ names: [KVBlockKey], _ blockSize: Int, _ model: Loaded) async throws -> [Int: KVStoredBlock] {
    guard let tiers = model.tiers, let numbers = missing(of: names, blockSize, tiers, model) else { return [:] }
    let (blocks, seconds) = await tiers.load(numbers.map { ($0, names[$0]) })
    loading.didCopy(bytes: blocks.count * tiers.blockBytes, seconds: seconds)
    try Task.checkCancellation()
    return blocks
  }

  /// Whether an error says that nobody should share what was computed.
  static func isFault(_ error: any Error) -> Bool {
    error is CLError || (error as? TesseraError)?.code == .notFinite
  }
}
