import Testing
import TesseraSystem

@testable import TesseraMemory

/// A key that a number names.
func blockKey(_ number: Int) -> KVBlockKey {
  KVBlockKey(Fingerprint(withUnsafeBytes(of: UInt64(number).littleEndian) { Array($0) }))
}

/// Bytes that belong to a number.
func blockBytes(_ number: Int, count: Int = 1000) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
    for index in 0..<count { memory.initializeElement(at: index, to: UInt8(truncatingIfNeeded: number &+ index)) }
    initialized = count
  }
}

@Suite("KV blocks in host memory")
struct HostBlockStoreTests {
  /// Room for so many blocks of ``blockBytes(_:count:)``.
  static func limit(_ blocks: Int) -> Int { blocks * (blockBytes(0).count + HostBlockStore.overhead) }

  static func present(_ store: some KVBlockStore, _ numbers: some Sequence<Int>) -> [Int] {
    numbers.filter { store.contains(blockKey($0)) }
  }

  @Test("a key is its bytes and its digits")
  func keys() throws {
    let key = blockKey(7)
    #expect(key.bytes.count == 32 && KVBlockKey(key.bytes) == key)
    #expect(key.bytes == Fingerprint([7, 0, 0, 0, 0, 0, 0, 0]).bytes)
    #expect(key.description == Fingerprint([7, 0, 0, 0, 0, 0, 0, 0]).hexadecimal)
    #expect(KVBlockKey(hexadecimal: key.description[...]) == key)
    #expect(KVBlockKey(key.bytes.dropLast()) == nil && KVBlockKey(key.bytes + [0]) == nil)
    #expect(KVBlockKey(hexadecimal: key.description.uppercased()[...]) == nil)
    #expect(KVBlockKey(hexadecimal: key.description.dropLast()) == nil)
    #expect(KVBlockKey(hexadecimal: "é" + key.description.dropLast(2)) == nil)
  }

  @Test("a chain loses its tail before its head, and chains go by their last use")
  func order() {
    let store = HostBlockStore(byteLimit: Self.limit(6), next: nil)
    for chain in [0, 10] {
      for place in 0..<3 {
        store.store(blockKey(chain + place), parent: place == 0 ? nil : blockKey(chain + place - 1), blockBytes(chain))
      }
    }
    #expect(store.statistics.entries == 6 && store.statistics.bytes == Self.limit(6))
    // The first chain is used again: the second one goes, from its end.
    for place in 0..<3 { #expect(store.load(blockKey(place))?.bytes == blockBytes(0)) }
    store.store(blockKey(20), parent: nil, blockBytes(20))
    #expect(Self.present(store, 0..<30) == [0, 1, 2, 10, 11, 20])
    store.store(blockKey(21), parent: blockKey(20), blockBytes(21))
    #expect(Self.present(store, 0..<30) == [0, 1, 2, 10, 20, 21])
    // A chain that is longer than the store keeps its head.
    for place in 0..<9 {
      store.store(blockKey(30 + place), parent: place == 0 ? nil : blockKey(29 + place), blockBytes(30))
    }
    #expect(Self.present(store, 0..<40) == [30, 31, 32, 33, 34, 35])
    #expect(store.statistics.evictions == 9 && store.statistics.dropped == 2 && store.statistics.hits == 3)
  }

  @Test("blocks that are used elsewhere stay, here and behind; those that are removed are gone from both")
  func touch() {
    let back = HostBlockStore(byteLimit: Self.limit(5), next: nil)
    let store = HostBlockStore(byteLimit: Self.limit(3), next: back)
    func add(_ number: Int) { store.store(blockKey(number), parent: nil, blockBytes(number)) }
    for place in 0..<2 { store.store(blockKey(place), parent: place == 0 ? nil : blockKey(0), blockBytes(place)) }
    for number in 10..<20 {
      store.touch([blockKey(0), blockKey(1), blockKey(99)])
      add(number)
    }
    #expect(Self.present(back, 0..<10) == [0, 1] && back.statistics.entries == 5)
    #expect(store.statistics.hits == 0 && store.statistics.entries == 3)
    for number in [0, 1, 19] { #expect(store.load(blockKey(number)) != nil) }
    #expect(store.statistics.hits == 3 && back.statistics.hits == 0)
    store.remove([blockKey(1), blockKey(98)])
    #expect(Self.present(store, 0..<10) == [0] && Self.present(back, 0..<10) == [0])
    #expect(store.statistics.entries == 2 && store.statistics.bytes == Self.limit(2) && back.statistics.entries == 4)
    // The head is a tail again.
    for number in 20..<30 { add(number) }
    #expect(Self.present(store, 0..<10) == [])
  }

  @Test("a block for which there was no room, and then is, is followed by others again")
  func refusedOnce() {
    let store = HostBlockStore(byteLimit: Self.limit(2), next: nil)
    for place in 0..<3 {
      store.store(blockKey(place), parent: place == 0 ? nil : blockKey(place - 1), blockBytes(place))
    }
    #expect(Self.present(store, 0..<3) == [0, 1])
    // Others come, and the chain, whose third block now is the first to be kept.
    for place in [10, 11] { store.store(blockKey(place), parent: nil, blockBytes(place)) }
    store.store(blockKey(2), parent: nil, blockBytes(2))
    store.store(blockKey(3), parent: blockKey(2), blockBytes(3))
    #expect(Self.present(store, 0..<20) == [2, 3])
  }

  @Test("what is larger than the store, or a store of nothing, is left out")
  func tooLarge() {
    let store = HostBlockStore(byteLimit: 1000, next: nil)
    store.store(blockKey(1), parent: nil, blockBytes(1))
    #expect(store.load(blockKey(1)) == nil)
    #expect(store.statistics.dropped == 1 && store.statistics.misses == 1 && store.statistics.bytes == 0)
    let none = HostBlockStore(byteLimit: -1, next: nil)
    none.store(blockKey(1), parent: nil, [])
    #expect(none.statistics.entries == 0 && none.statistics.byteLimit == 0)
    // What an array holds in reserve counts too.
    var roomy = blockBytes(1)
    roomy.reserveCapacity(100_000)
    let large = HostBlockStore(byteLimit: 200_000, next: nil)
    large.store(blockKey(1), parent: nil, roomy)
    #expect(large.statistics.bytes >= 100_000)
  }

  @Test("the store behind has what is stored at once, and gives back what went")
  func tiers() {
    let back = HostBlockStore(byteLimit: Self.limit(100), next: nil)
    let store = HostBlockStore(byteLimit: Self.limit(2), next: back)
    for number in 0..<4 { store.store(blockKey(number), parent: nil, blockBytes(number)) }
    #expect(back.statistics.entries == 4 && store.statistics.entries == 2 && store.statistics.evictions == 2)
    #expect(store.contains(blockKey(0)) && store.load(blockKey(0))?.bytes == blockBytes(0))
    #expect(store.statistics.misses == 1 && back.statistics.hits == 1)
    #expect(store.load(blockKey(0)) != nil && store.statistics.hits == 1 && back.statistics.hits == 1)
  }

  /// A store as slow and plain as can be.
  struct Model {
    var blocks: [(key: Int, parent: Int?)] = []
    var refused: Int?
    let limit: Int

    mutating func use(_ key: Int) -> Bool {
      guard let index = blocks.firstIndex(where: { $0.key == key }) else { return false }
      blocks.append(blocks.remove(at: index))
      return true
    }

    mutating func store(_ key: Int, _ parent: Int?) {
      if use(key) { return }
      if parent != nil, parent == refused {
        refused = key
        return
      }
      blocks.append((key, parent))
      while blocks.count > limit {
        guard let first = blocks.firstIndex(where: { block in !blocks.contains { $0.parent == block.key } }) else {
          return
        }
        if blocks.remove(at: first).key == key { refused = key }
      }
      if refused == key, blocks.contains(where: { $0.key == key }) { refused = nil }
    }
  }

  @Test("random chains, stored and loaded, leave what a plain model leaves", arguments: [1, 2, 5, 17])
  func property(limit: Int) {
    var random = TestGenerator(state: UInt64(limit))
    let store = HostBlockStore(byteLimit: Self.limit(limit), next: nil)
    var model = Model(limit: limit)
    // A forest: the parent of n is a smaller number, of some none.
    let parents = (0..<40).map {
      $0 == 0 || Int.random(in: 0..<4, using: &random) == 0 ? nil : Int.random(in: 0..<$0, using: &random)
    }
    for step in 0..<3000 {
      let number = Int.random(in: 0..<40, using: &random)
      switch Int.random(in: 0..<9, using: &random) {
      case 0..<4:
        store.store(blockKey(number), parent: parents[number].map(blockKey), blockBytes(number))
        model.store(number, parents[number])
      case 4:
        store.touch([blockKey(number)])
        _ = model.use(number)
      case 5:
        store.remove([blockKey(number)])
        model.blocks.removeAll { $0.key == number }
      default:
        let block = store.load(blockKey(number))
        guard (block != nil) == model.use(number), block == nil || block?.bytes == blockBytes(number) else {
          Issue.record("step \(step): another answer for \(number)")
          return
        }
      }
      let present = Self.present(store, 0..<40)
      guard present == model.blocks.map(\.key).sorted(), store.statistics.bytes == Self.limit(present.count) else {
        Issue.record("step \(step): \(present) instead of \(model.blocks.map(\.key).sorted())")
        return
      }
    }
  }

  @Test("chains that bite their own tails go too")
  func circle() {
    let store = HostBlockStore(byteLimit: Self.limit(3), next: nil)
    for number in 0..<3 { store.store(blockKey(number), parent: blockKey((number + 1) % 3), blockBytes(number)) }
    for number in 10..<13 { store.store(blockKey(number), parent: nil, blockBytes(number)) }
    #expect(store.statistics.entries == 3)
  }

  @Test("many threads at once")
  func threads() async {
    let store = HostBlockStore(byteLimit: Self.limit(10), next: HostBlockStore(byteLimit: Self.limit(30), next: nil))
    await withTaskGroup(of: Int.self) { group in
      for task in 0..<4 {
        group.addTask {
          var wrong = 0
          for step in 0..<2000 {
            let number = (step * 7 + task) % 50
            store.store(blockKey(number), parent: number > 0 ? blockKey(number - 1) : nil, blockBytes(number))
            if let block = store.load(blockKey((number + 25) % 50)), block.bytes != blockBytes((number + 25) % 50) {
              wrong += 1
            }
          }
          return wrong
        }
      }
      for await wrong in group { #expect(wrong == 0) }
    }
    #expect(store.statistics.bytes <= Self.limit(10) && store.statistics.entries == 10)
  }
}
