import Crypto

/// Blocks of one sequence in one group, as they travel to the host, to disk or to another process.
///
/// The bytes are those that `CacheBlocks.gather` lays out: block by block, layer by layer, keys and then values, by head.
/// They do not depend on the size of the pool that they came from.
///
/// Encoded, little-endian: "TKVB", UInt32 version 1, SHA-256 of the layout, UInt32 group, UInt64 first row, UInt64 rows,
/// UInt64 bytes, SHA-256 of all that and the bytes, the bytes.
package struct KVBlockImage: Sendable, Equatable {
  /// ``KVCacheLayout/digest(model:style:)`` of the cache that it is of.
  package let layoutDigest: [UInt8]
  /// The group in that layout.
  package let group: Int
  /// The sequence's rows, from a block's border on.
  package let rows: Range<Int>
  /// The blocks' bytes; those behind the last row are part of them.
  package let bytes: [UInt8]

  private static let magic = Array("TKVB".utf8)
  private static let version: UInt32 = 1
  private static let digestBytes = 32
  static let headerBytes = 4 + 4 + digestBytes + 4 + 3 * 8 + digestBytes

  /// An image of a group's blocks.
  ///
  /// - Parameters:
  ///   - model: what names the weights: an image of others is refused.
  ///   - style: of the kernels that filled the cache: keys lie otherwise in the other's.
  /// - Throws: ``MemoryError`` when the layout has no such group, rows do not begin at a block's border, or the bytes are
  ///   not those of their blocks.
  package init(
    layout: KVCacheLayout, model: String, style: KernelStyle, group: Int, rows: Range<Int>, bytes: [UInt8]
  ) throws(MemoryError) {
    guard try bytes.count == Self.byteCount(layout, group, rows) else {
      throw MemoryError(.badImage, "an image of KV rows \(rows) in group \(group) cannot have \(bytes.count) bytes")
    }
    layoutDigest = layout.digest(model: model, style: style)
    (self.group, self.rows, self.bytes) = (group, rows, bytes)
  }

  /// The image that `data` encodes.
  ///
  /// - Throws: ``MemoryError`` (`.badImage`) when it is cut short or damaged, of another version, model, layout or style.
  package init(
    decoding data: some Collection<UInt8>, layout: KVCacheLayout, model: String, style: KernelStyle
  ) throws(MemoryError) {
    guard data.count >= Self.headerBytes else {
      throw MemoryError(
        .badImage, "a KV block image of \(data.count) bytes: its header alone has \(Self.headerBytes)")
    }
    var rest = data[...]
    func take(_ count: Int) -> [UInt8] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    func number(_ count: Int) -> UInt64 { take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    guard take(4) == Self.magic, number(4) == UInt64(Self.version) else {
      throw MemoryError(.badImage, "this is no KV block image of version \(Self.version)")
    }
    let digest = take(Self.digestBytes)
    guard digest == layout.digest(model: model, style: style) else {
      throw MemoryError(.badImage, "the KV block image was made for another model, or cache of another layout")
    }
    let (group, first, count, size) = (number(4), number(8), number(8), number(8))
    let checksum = take(Self.digestBytes)
    guard let group = Int(exactly: group), first <= UInt64(KVGroup.mostRows), count <= UInt64(KVGroup.mostRows),
      size == UInt64(rest.count)
    else {
      throw MemoryError(
        .badImage,
        "a KV block image has \(rest.count) bytes behind its header, which tells of \(size), rows \(first) "
          + "and the next \(count)")
    }
    let bytes = Array(rest)
    try self.init(
      layout: layout, model: model, style: style, group: group, rows: Int(first)..<Int(first) + Int(count), bytes: bytes
    )
    guard checksum == self.checksum else {
      throw MemoryError(.badImage, "a KV block image is damaged: its checksum is another")
    }
  }

  /// The image with its header.
  package func encoded() -> [UInt8] { header + checksum + bytes }

  /// The bytes before the checksum.
  private var header: [UInt8] {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    return Self.magic + number(Int(Self.version), 4) + layoutDigest + number(group, 4) + number(rows.lowerBound, 8)
      + number(rows.count, 8) + number(bytes.count, 8)
  }

  private var checksum: [UInt8] {
    var hash = SHA256()
    hash.update(data: header)
    hash.update(data: bytes)
    return Array(hash.finalize())
  }

  /// Bytes of the blocks that hold `rows` of a group.
  private static func byteCount(_ layout: KVCacheLayout, _ index: Int, _ rows: Range<Int>) throws(MemoryError) -> Int {
    guard layout.groups.indices.contains(index) else {
      throw MemoryError(.badImage, "a KV block image of group \(index): the cache has \(layout.groups.count)")
    }
    let group = layout.groups[index]
    guard rows.lowerBound >= 0, rows.upperBound <= KVGroup.mostRows, rows.lowerBound.isMultiple(of: group.blockSize)
    else {
      throw MemoryError(
        .badImage, "a KV block image of rows \(rows): they begin at a multiple of \(group.blockSize)")
    }
    return try checkedProduct(group.blockCount(rows: rows.count), group.bytesPerBlock, of: "a KV block image")
  }
}

extension KVCacheLayout {
  /// SHA-256 of all that decides what the bytes of a block mean.
  ///
  /// - Parameters:
  ///   - model: what names the weights that the keys and values were computed with.
  ///   - style: of the kernels; keys of a group lie otherwise in the simt style.
  package func digest(model: String, style: KernelStyle) -> [UInt8] {
    // Of numbers and names that are spelled out here: what Swift prints of a type may change.
    let text = groups.map { group in
      let g = group.geometry
      let kind =
        switch group.kind {
        case .growing: "growing"
        case .window(let tokens, let sinks): "window \(tokens) sinks \(sinks)"
        case .fixed(let capacity): "fixed \(capacity)"
        case .transient: "transient"
        }
      let layers = group.layers.map { String($0) }.joined(separator: ",")
      return "layers \(layers) \(kind) block \(group.blockSize) heads \(g.kvHeadCount) "
        + "keys \(g.keyDim) \(g.keys.rawValue) values \(g.valueDim) \(g.values.rawValue) shared \(g.sharesValues)"
    }.joined(separator: "\n")
    let order = style == .vector ? "" : "\nkeys in runs of 16 bytes"
    return Array(SHA256.hash(data: Array("tessera kv 1\n\(text)\n\(model)\(order)".utf8)))
  }
}
