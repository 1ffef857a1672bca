/// Where keys and values are kept apart from the device: block by block, each under the key of its chain.
///
/// A value is what all groups keep of one block of tokens; the store takes it as bytes. Nothing that happens to a store is an
/// error of a request: what it cannot keep or find is a miss.
package protocol KVBlockStore: AnyObject, Sendable {
  /// Whether ``load(_:)`` would probably find the block, here or in the stores behind.
  func contains(_ key: KVBlockKey) -> Bool

  /// The block, from here or from the stores behind, and from then on the last one used; nil where it is not there or damaged.
  func load(_ key: KVBlockKey) -> KVStoredBlock?

  /// Keeps a block as far as there is room, and lets those go that were used the longest ago, of a chain its tail before its head.
  ///
  /// Returns at once. Of a key that is there already the value stays, and counts as used.
  ///
  /// - Parameter parent: the block before it in its chain; nil for the first. Parents are stored and loaded before what
  ///   follows them.
  func store(_ key: KVBlockKey, parent: KVBlockKey?, _ bytes: [UInt8])

  /// Says that blocks were used elsewhere, on the device: where they are here or in the stores behind, they count as used now.
  ///
  /// Returns at once.
  ///
  /// - Parameter keys: parents before what follows them.
  func touch(_ keys: [KVBlockKey])

  /// Lets blocks go whose contents are not to be trusted, here and in the stores behind.
  func remove(_ keys: [KVBlockKey])

  /// Waits until all that was stored so far is where it survives the process, if this store or one behind it has such a
  /// place.
  func flush()

  /// What the store holds and has done, without the stores behind.
  var statistics: KVStoreStatistics { get }
}

/// Where a block was found.
package enum KVTier: String, Sendable, CaseIterable {
  case host, disk
}

/// A block as a store has it.
package struct KVStoredBlock: Sendable, Equatable {
  /// The block before it in its chain.
  package let parent: KVBlockKey?
  /// The bytes that were stored.
  package let bytes: [UInt8]
  /// The store that had it.
  package let tier: KVTier
}

/// What a store holds and has done since it was made.
package struct KVStoreStatistics: Sendable, Equatable {
  /// Blocks that are there now; of a folder as far as this process knows.
  package var entries = 0
  /// What they take, with all that is kept beside them.
  package var bytes = 0
  /// What they may take.
  package var byteLimit = 0
  /// Blocks found.
  package var hits = 0
  /// Blocks asked for that were not there.
  package var misses = 0
  /// Blocks let go for others.
  package var evictions = 0
  /// Blocks that were not kept: too large, or more at once than could be written.
  package var dropped = 0
  /// Blocks that were damaged, and failures of the system.
  package var errors = 0
}
