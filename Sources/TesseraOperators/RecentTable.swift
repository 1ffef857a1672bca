/// Values by their keys, of which those that were asked for last are kept.
struct RecentTable<Key: Hashable, Value> {
  /// Values that are kept, at most.
  let limit: Int
  private var entries: [Key: (value: Value, lastUse: Int)] = [:]
  private var clock = 0

  init(limit: Int) { self.limit = max(1, limit) }

  var count: Int { entries.count }
  var keys: some Collection<Key> { entries.keys }

  /// The value of a key, where it is kept.
  subscript(key: Key) -> Value? {
    mutating get {
      guard entries[key] != nil else { return nil }
      clock += 1
      entries[key]?.lastUse = clock
      return entries[key]?.value
    }
  }

  /// Keeps a value, in place of the one that was asked for the longest ago where there are too many.
  mutating func insert(_ value: Value, for key: Key) {
    if entries[key] == nil, entries.count >= limit,
      let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
    {
      entries[oldest] = nil
    }
    clock += 1
    entries[key] = (value, clock)
  }
}
