import TesseraCL

// What code for one geometry, one growing group, one table still asks for.

extension KVCacheLayout {
  public typealias ElementType = KVEncoding

  public init(
    layerCount: Int, kvHeadCount: Int, headDim: Int, elementType: KVEncoding = .f32, blockSize: Int = 64
  ) throws(MemoryError) {
    try self.init(
      layerCount: layerCount, geometry: KVGeometry(kvHeadCount: kvHeadCount, keyDim: headDim, keys: elementType),
      blockSize: blockSize)
  }

  public var elementType: KVEncoding { groups[0].geometry.keys }
  public var blockSize: Int { groups[0].blockSize }
  public func elementsPerBlock(layer: Int) -> Int {
    groups[0].geometry.kvHeadCount * groups[0].geometry.keyDim * blockSize
  }
  public func poolBytesPerBlock(layer: Int) -> Int { groups[0].keyBytesPerBlock }
  public func keyOffset(kvHead: Int, slot: Int, element: Int, blockCount: Int) -> Int {
    groups[0].geometry.keyOffset(kvHead: kvHead, slot: slot, element: element, slotCount: blockCount * blockSize)
  }
  public func valueOffset(kvHead: Int, slot: Int, element: Int, blockCount: Int) -> Int {
    groups[0].geometry.valueOffset(kvHead: kvHead, slot: slot, element: element, slotCount: blockCount * blockSize)
  }
}

extension KVCache {
  public var blockCount: Int { blockCounts[0] }
}
