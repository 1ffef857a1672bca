/// Which block of a store goes first: of those that no other in the store continues, the one used the longest ago.
///
/// So a chain loses its tail before its head, without which the tail could not be used.
struct KVEvictionOrder {
  private struct Entry {
    var parent: KVBlockKey?
    var time: Int
  }

  private var entries: [KVBlockKey: Entry] = [:]
  /// How many blocks in the store continue a block, whether that is there or not.
  private var followers: [KVBlockKey: Int] = [:]
  /// A heap, the earliest first, of all blocks that none continues, and of what once was such a block.
  private var candidates: [(time: Int, key: KVBlockKey)] = []

  /// Takes a block that is not there yet, last used at `time`.
  mutating func insert(_ key: KVBlockKey, parent: KVBlockKey?, time: Int) {
    entries[key] = Entry(parent: parent, time: time)
    if let parent { followers[parent, default: 0] += 1 }
    offer(key)
  }

  /// Says that a block was used again.
  mutating func use(_ key: KVBlockKey, time: Int) {
    guard entries[key] != nil else { return }
    entries[key]?.time = time
    offer(key)
  }

  /// Takes a block out, which need not be there.
  mutating func remove(_ key: KVBlockKey) {
    guard let entry = entries.removeValue(forKey: key) else { return }
    guard let parent = entry.parent else { return }
    let count = followers[parent, default: 1] - 1
    followers[parent] = count > 0 ? count : nil
    if count <= 0 { offer(parent) }
  }

  /// Takes out the block that goes first; nil where there is none.
  mutating func removeFirst() -> KVBlockKey? {
    while let candidate = popCandidate() {
      guard entries[candidate.key]?.time == candidate.time, followers[candidate.key] == nil else { continue }
      remove(candidate.key)
      return candidate.key
    }
    // Chains that bite their own tails: nobody computes such keys, but a file may say anything.
    guard let first = entries.min(by: { $0.value.time < $1.value.time })?.key else { return nil }
    remove(first)
    return first
  }

  // MARK: The heap

  private mutating func offer(_ key: KVBlockKey) {
    guard let entry = entries[key], followers[key] == nil else { return }
    if candidates.count > 2 * entries.count + 64 {
      // Most are out of date by now.
      candidates.removeAll(keepingCapacity: true)
      for (key, entry) in entries where followers[key] == nil { push((entry.time, key)) }
    } else {
      push((entry.time, key))
    }
  }

  private mutating func push(_ candidate: (time: Int, key: KVBlockKey)) {
    candidates.append(candidate)
    var index = candidates.count - 1
    while index > 0, candidates[index].time < candidates[(index - 1) / 2].time {
      candidates.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func popCandidate() -> (time: Int, key: KVBlockKey)? {
    guard let first = candidates.first else { return nil }
    let last = candidates.removeLast()
    guard !candidates.isEmpty else { return first }
    candidates[0] = last
    var index = 0
    while 2 * index + 1 < candidates.count {
      var child = 2 * index + 1
      if child + 1 < candidates.count, candidates[child + 1].time < candidates[child].time { child += 1 }
      guard candidates[child].time < candidates[index].time else { break }
      candidates.swapAt(index, child)
      index = child
    }
    return first
  }
}
