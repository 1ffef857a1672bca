/// A tree of byte strings, each with a number, in which all strings that begin at a place are found in one walk.
///
/// One hash table of (node, byte) → node serves all nodes, so that 250,000 strings are three allocations. Keys are mixed
/// with a random number, so that no file can be made whose keys all collide; results do not depend on it.
struct ByteTrie: Sendable {
  static let root = 0
  private static let nodeLimit = 1 << 28

  /// The children of the root by their bytes; 0 is none.
  private var first = [Int32](repeating: 0, count: 256)
  /// (node, byte) in the upper 36 bits, the child in the lower 28; 0 is free.
  private var slots: [UInt64]
  private var used = 0
  private let seed = UInt64.random(in: 0...UInt64.max) | 1
  /// The number of the string that ends at each node, or -1.
  private(set) var values: [Int32] = [-1]

  /// A tree with room for strings of so many bytes together, to which more can be added.
  init(byteCount: Int = 0) {
    var capacity = 64
    while capacity < min(byteCount, 1 << 20) { capacity *= 2 }
    slots = [UInt64](repeating: 0, count: capacity)
  }

  var isEmpty: Bool { values.count == 1 }

  /// Adds a string; a number that it had before is replaced. An empty string, and one that does not fit, is left out.
  mutating func insert(_ bytes: some Sequence<UInt8>, _ value: Int) {
    var node = Self.root
    for byte in bytes {
      guard let child = childOrNew(node, byte) else { return }
      node = child
    }
    if node != Self.root { values[node] = Int32(truncatingIfNeeded: value) }
  }

  private mutating func childOrNew(_ node: Int, _ byte: UInt8) -> Int? {
    let known = child(node, byte)
    if known != 0 { return known }
    guard values.count < Self.nodeLimit else { return nil }
    let new = values.count
    values.append(-1)
    if node == Self.root {
      first[Int(byte)] = Int32(truncatingIfNeeded: new)
      return new
    }
    if used * 2 >= slots.count { grow() }
    place((UInt64(node) << 8 | UInt64(byte)) << 28 | UInt64(new))
    used += 1
    return new
  }

  private mutating func grow() {
    let old = slots
    slots = [UInt64](repeating: 0, count: old.count * 2)
    for entry in old where entry != 0 { place(entry) }
  }

  private mutating func place(_ entry: UInt64) {
    var slot = firstSlot(entry >> 28)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = entry
  }

  @inline(__always)
  private func firstSlot(_ key: UInt64) -> Int {
    let product = key.multipliedFullWidth(by: seed)
    return Int(truncatingIfNeeded: product.high ^ (product.low >> 32)) & (slots.count - 1)
  }

  /// The node after a byte at a node; 0 where no string goes on so.
  @inline(__always)
  func child(_ node: Int, _ byte: UInt8) -> Int {
    if node == Self.root { return Int(first[Int(byte)]) }
    let key = UInt64(node) << 8 | UInt64(byte)
    var slot = firstSlot(key)
    while true {
      let entry = slots[slot]
      if entry == 0 { return 0 }
      if entry >> 28 == key { return Int(truncatingIfNeeded: entry & 0xFFF_FFFF) }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  /// The node after bytes at a node; 0 where no string goes on so.
  func node(after bytes: some Sequence<UInt8>, from start: Int = root) -> Int {
    var node = start
    for byte in bytes {
      node = child(node, byte)
      if node == 0 { return 0 }
    }
    return node
  }

  /// The longest string that stands at `start` and ends by `end`, when the walk begins at `node`.
  @inline(__always)
  func longest(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, from node: Int = root
  ) -> (value: Int, end: Int)? {
    var node = node
    var position = start
    var found: (value: Int, end: Int)?
    while position < end {
      node = child(node, text[position])
      if node == 0 { break }
      position += 1
      if values[node] >= 0 { found = (Int(values[node]), position) }
    }
    return found
  }
}
