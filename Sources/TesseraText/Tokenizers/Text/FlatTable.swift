/// A hash table from 64-bit keys to 64-bit values, which is filled once and then only read.
///
/// Open addressing with linear probing in two flat arrays. Keys are mixed with a random number, so that no file can
/// be made whose keys all collide; results do not depend on it.
struct FlatTable: Sendable {
  private static let free = UInt64.max
  private var keys: [UInt64]
  private var values: [UInt64]
  private let mask: Int
  private let seed = UInt64.random(in: 0...UInt64.max) | 1

  /// A table for up to `count` keys.
  init(count: Int) {
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    keys = [UInt64](repeating: Self.free, count: capacity)
    values = [UInt64](repeating: 0, count: capacity)
    mask = capacity - 1
  }

  /// The value of a key.
  subscript(key: UInt64) -> UInt64? {
    var slot = firstSlot(key)
    while true {
      let found = keys[slot]
      if found == Self.free { return nil }
      if found == key { return values[slot] }
      slot = (slot + 1) & mask
    }
  }

  /// Adds a key that is not `UInt64.max`. No more keys than announced may be added.
  /// - Parameter replaces: whether a key that is there already gets the value.
  mutating func insert(_ key: UInt64, _ value: UInt64, replaces: Bool) {
    var slot = firstSlot(key)
    while keys[slot] != Self.free {
      if keys[slot] == key {
        if replaces { values[slot] = value }
        return
      }
      slot = (slot + 1) & mask
    }
    keys[slot] = key
    values[slot] = value
  }

  /// All keys with their values, in no order.
  var entries: [(key: UInt64, value: UInt64)] { zip(keys, values).filter { $0.0 != Self.free }.map { ($0, $1) } }

  private func firstSlot(_ key: UInt64) -> Int {
    let product = (key ^ (key >> 32)).multipliedFullWidth(by: seed)
    return Int(truncatingIfNeeded: product.high ^ product.low) & mask
  }
}
