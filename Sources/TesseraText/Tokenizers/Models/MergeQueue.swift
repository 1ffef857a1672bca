/// A binary heap of candidate merges: the one with the smallest key comes out first.
struct MergeQueue {
  /// Two neighboring symbols that could become one.
  struct Entry {
    /// The priority in the upper half (smaller first), the left symbol in the lower: ties go to the leftmost.
    var key: UInt64
    /// The right symbol.
    var right: Int32
    /// The size of both together, by which a candidate is known to be out of date.
    var size: Int32
    /// The token that they become.
    var token: Int32

    var left: Int { Int(truncatingIfNeeded: key & 0xFFFF_FFFF) }
  }

  private var heap: [Entry] = []

  mutating func push(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if heap[parent].key <= entry.key { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  mutating func pop() -> Entry? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return first }
    var hole = 0
    while true {
      var child = 2 * hole + 1
      if child >= heap.count { break }
      if child + 1 < heap.count, heap[child + 1].key < heap[child].key { child += 1 }
      if heap[child].key >= last.key { break }
      heap[hole] = heap[child]
      hole = child
    }
    heap[hole] = last
    return first
  }
}
