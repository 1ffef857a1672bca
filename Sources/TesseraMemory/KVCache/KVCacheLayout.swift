/// How keys and values lie in the paged cache: groups of layers, each with pools of blocks of its own.
///
/// A layer has one pool for keys and one for values; all layers of a group use the same block numbers, so a sequence has
/// one block table for each group. A model whose layers are alike has one group.
///
/// Paging: Kwon et al., "Efficient Memory Management for LLM Serving with PagedAttention", 2023 (arXiv 2309.06180).
package struct KVCacheLayout: Sendable, Equatable {
  /// Where a layer's pool is: its group, and which of the group's.
  struct Place: Sendable, Equatable {
    var group, pool: Int
  }

  /// The groups.
  package let groups: [KVGroup]

  private let places: [Int: Place]

  /// A layout of groups.
  ///
  /// Throws ``MemoryError`` when there is none, a layer is in two, or the bytes of a block of each are beyond `Int`.
  package init(groups: [KVGroup]) throws(MemoryError) {
    guard !groups.isEmpty else { throw MemoryError(.invalidRequest, "a KV cache without layers") }
    var places: [Int: Place] = [:]
    for (index, group) in groups.enumerated() {
      for (pool, layer) in group.layers.enumerated() {
        if let other = places[layer] {
          throw MemoryError(.invalidRequest, "layer \(layer) is in the KV groups \(other.group) and \(index)")
        }
        places[layer] = Place(group: index, pool: group.kind == .transient ? 0 : pool)
      }
    }
    _ = try checkedSum(groups.map(\.bytesPerBlock), of: "KV cache")
    self.groups = groups
    self.places = places
  }

  /// A layout whose layers, numbered from 0, are all alike and keep every row.
  ///
  /// Throws ``MemoryError`` as the parts do.
  package init(
    layerCount: Int, geometry: KVGeometry, kind: KVKind = .growing, blockSize: Int = 64
  ) throws(MemoryError) {
    guard (1...65536).contains(layerCount) else {
      throw MemoryError(.invalidRequest, "a KV cache of \(layerCount) layers: 1 to 65536 are possible")
    }
    try self.init(groups: [
      KVGroup(layers: Array(0..<layerCount), geometry: geometry, kind: kind, blockSize: blockSize)
    ])
  }

  /// The index of the group that `layer` is in.
  ///
  /// Throws ``MemoryError`` when it is in none.
  package func group(ofLayer layer: Int) throws(MemoryError) -> Int { try place(ofLayer: layer).group }

  func place(ofLayer layer: Int) throws(MemoryError) -> Place {
    guard let place = places[layer] else {
      throw MemoryError(.invalidRequest, "the KV cache has \(places.count) layers, layer \(layer) is not among them")
    }
    return place
  }

  /// The group at `index`.
  ///
  /// Throws ``MemoryError`` when there is none.
  func group(at index: Int) throws(MemoryError) -> KVGroup {
    guard groups.indices.contains(index) else {
      throw MemoryError(.invalidRequest, "the KV cache has \(groups.count) groups, group \(index) was asked for")
    }
    return groups[index]
  }

  /// Bytes that one more token takes: of the groups that keep every row.
  package var bytesPerToken: Int {
    groups.reduce(0) { $0 + ($1.kind == .growing ? $1.bytesPerToken : 0) }
  }
}
