import TesseraCL
import Testing

@testable import TesseraMemory

/// Suites that use a device run one test at a time.
@Suite("Memory on the device", .serialized)
struct DeviceTests {
  let context: Context
  let queue: Queue

  init() throws {
    context = try Context(Device.select(nil))
    queue = try Queue(context)
  }

  @Test("the heap accounts by purpose, remembers its peak, and gets back what is released")
  func accounting() throws {
    let heap = try DeviceHeap(context, budgetBytes: 1 << 20)
    var weights: DeviceAllocation? = try heap.allocate(byteCount: 300_000, purpose: .weights, label: "w")
    let staging = try heap.allocate(byteCount: 1000, purpose: .staging, label: "s")
    #expect(weights?.buffer.byteCount == 300_000)
    #expect(heap.bytesInUse(by: .weights) == 300_000 && heap.bytesInUse(by: .staging) == 1000)
    #expect(heap.bytesInUse == 301_000 && heap.availableBytes == (1 << 20) - 301_000)
    weights = nil
    #expect(heap.bytesInUse(by: .weights) == 0 && heap.bytesInUse == staging.byteCount)
    #expect(heap.peakBytes == 301_000)
  }

  @Test("a slab hands out aligned pieces of one buffer, counts once and refuses what does not fit")
  func slab() throws {
    let heap = try DeviceHeap(context, budgetBytes: 1 << 20)
    let alignment = heap.limits.baseAddressAlignment
    var pieces: [DeviceAllocation] = []
    do {
      let made = try DeviceSlab(heap, byteCount: 3 * alignment, purpose: .weights, label: "the weights")
      let slab = try #require(made)
      for size in [1, alignment, alignment - 1] { pieces.append(try slab.allocate(byteCount: size, label: "w")) }
      #expect(pieces.map(\.buffer.location.byteOffset) == [0, alignment, 2 * alignment])
      #expect(pieces.allSatisfy { $0.buffer.location.whole === slab.buffer })
      #expect(heap.bytesInUse(by: .weights) == 3 * alignment)
      for size in [1, 0, -1] {
        let error = try memoryError { try slab.allocate(byteCount: size, label: "one more") }
        #expect(error.message.contains("one more") && error.message.contains("the weights"))
      }
    }
    // The pieces keep the slab.
    pieces.removeFirst(2)
    #expect(heap.bytesInUse(by: .weights) == 3 * alignment)
    pieces = []
    #expect(heap.bytesInUse == 0)
    #expect(
      try DeviceSlab(heap, byteCount: heap.limits.maxAllocationBytes + 1, purpose: .weights, label: "huge") == nil)
  }

  @Test("a request over the budget is refused with the tensor and the numbers, and takes nothing")
  func overBudget() throws {
    let heap = try DeviceHeap(context, budgetBytes: 1 << 20)
    let first = try heap.allocate(byteCount: 1_000_000, purpose: .weights, label: "output.weight")
    let error = try memoryError { try heap.allocate(byteCount: 50_000, purpose: .kvCache, label: "keys of layer 7") }
    #expect(error.code == .overBudget)
    for part in ["keys of layer 7", "50000", "1048576", "1000000", "--context"] {
      #expect(error.message.contains(part), "\(part) is missing: \(error.message)")
    }
    #expect(heap.bytesInUse == first.byteCount && heap.peakBytes == first.byteCount)
    _ = try heap.allocate(byteCount: (1 << 20) - 1_000_000, purpose: .other, label: "the rest")
  }

  @Test("absurd sizes and budgets are refused with what the device allows")
  func absurdSizes() throws {
    let heap = try DeviceHeap(context, budgetBytes: Int.max)
    let limit = context.device.profile.maxAllocationBytes
    for byteCount in [limit + 1, Int.max] {
      let error = try memoryError { try heap.allocate(byteCount: byteCount, purpose: .weights, label: "w") }
      #expect(error.code == .overMaxAllocation && error.message.contains("\(limit)"))
    }
    for byteCount in [0, -1, Int.min] {
      #expect(
        try memoryError { try heap.allocate(byteCount: byteCount, purpose: .weights, label: "w") }.code
          == .invalidRequest)
    }
    #expect(heap.bytesInUse == 0 && heap.peakBytes == 0)
    for budget in [0, -1] { #expect(throws: MemoryError.self) { try DeviceHeap(context, budgetBytes: budget) } }
    let byDefault = try DeviceHeap(context)
    #expect(byDefault.budgetBytes < context.device.profile.globalMemoryBytes && byDefault.budgetBytes > 0)
  }

  @Test("a heap's default budget is what other heaps of the device, also of another context, have not reserved")
  func otherHeaps() throws {
    let accounts = DeviceAccounts()
    func reserved() -> Int { accounts.reserved(on: context.device) }
    var heap: DeviceHeap? = try DeviceHeap(context, plannedBytes: 50 << 20, accounts: accounts)
    #expect(reserved() == 50 << 20)
    // What is planned is allocated in time; more counts as it comes.
    let first = try heap?.allocate(byteCount: 20 << 20, purpose: .weights, label: "planned")
    #expect(reserved() == 50 << 20)
    var second = try heap?.allocate(byteCount: 40 << 20, purpose: .kvCache, label: "more than planned")
    #expect(reserved() == 60 << 20)
    let other = try DeviceHeap(Context(context.device), accounts: accounts)
    #expect(other.limits.reservedBytes == 60 << 20)
    var limits = other.limits
    limits.free = nil
    limits.globalMemoryBytes = limits.reservedBytes + 1 << 30
    #expect(limits.defaultBudgetBytes == 1 << 30 - 128 << 20)
    limits.globalMemoryBytes = 1
    #expect(limits.defaultBudgetBytes == 0)
    second = nil
    #expect(second == nil && reserved() == 50 << 20)
    let error = try memoryError { try DeviceHeap(context, plannedBytes: 1 << 50, accounts: accounts) }
    #expect(error.code == .overBudget && error.message.contains("\(1 << 50)"), "\(error)")
    heap = nil
    #expect(reserved() == 50 << 20, "its allocation keeps it")
    withExtendedLifetime(first) {}
  }

  @Test("a heap that was refused has nothing reserved")
  func refusedHeap() throws {
    let accounts = DeviceAccounts()
    let heap = try DeviceHeap(context, plannedBytes: 30 << 20, accounts: accounts)
    _ = try heap.allocate(byteCount: 10, purpose: .other, label: "x")
    #expect(throws: MemoryError.self) { try DeviceHeap(context, budgetBytes: 10, plannedBytes: 11, accounts: accounts) }
    #expect(accounts.reserved(on: context.device) == 30 << 20)
    withExtendedLifetime(heap) {}
  }

  @Test("tasks that allocate at once never exceed the budget together")
  func concurrentAllocation() async throws {
    let heap = try DeviceHeap(context, budgetBytes: 10_000)
    let kept = await withTaskGroup(of: DeviceAllocation?.self) { group in
      for _ in 0..<50 {
        group.addTask { try? heap.allocate(byteCount: 1000, purpose: .other, label: "small") }
      }
      var kept: [DeviceAllocation] = []
      for await allocation in group { if let allocation { kept.append(allocation) } }
      return kept
    }
    // An optimized build would otherwise release the allocations before the heap is asked.
    withExtendedLifetime(kept) { #expect(kept.count == 10 && heap.bytesInUse == 10_000) }
  }

  @Test("the cache takes exactly the planned bytes, and gives them back")
  func cacheBytes() throws {
    let heap = try DeviceHeap(context)
    let layout = try KVCacheLayout(groups: [
      KVGroup(
        layers: [0, 2], geometry: KVGeometry(kvHeadCount: 1, keyDim: 32, keys: .f16), kind: .window(20, sinks: 0),
        blockSize: 16),
      KVGroup(layers: [1], geometry: KVGeometry(kvHeadCount: 2, keyDim: 64, valueDim: 32, keys: .q8_0), blockSize: 32),
      KVGroup(
        layers: [3], geometry: KVGeometry(kvHeadCount: 1, keyDim: 64, valueDim: 32, sharesValues: true, keys: .f16)),
    ])
    let plan = try MemoryPlan(
      weightsBytes: 0, largestWeightBytes: 0, kvLayout: layout, contextLength: 1000, stepTokens: 16, workspaceBytes: 0)
    do {
      let cache = try KVCache(layout, blockCounts: plan.blockCounts, on: heap)
      #expect(heap.bytesInUse(by: .kvCache) == plan.kvBytes && cache.byteCount == plan.kvBytes)
      #expect(plan.blockCounts == [19, 32, 16])
      #expect(try cache.keys(layer: 0).byteCount == 19 * 16 * 64)
      #expect(try cache.keys(layer: 1).byteCount == 2 * cache.values(layer: 1).byteCount)
      #expect(try cache.keys(layer: 3) === cache.values(layer: 3))
      #expect((-1...3).map { cache.freeBlockCount(group: $0) } == [0, 19, 32, 16, 0])
      for layer in [-1, 4] {
        #expect(throws: MemoryError.self) { try cache.keys(layer: layer) }
        #expect(throws: MemoryError.self) { try cache.values(layer: layer) }
      }
    }
    #expect(heap.bytesInUse == 0)
    let small = try DeviceHeap(context, budgetBytes: plan.kvBytes - 1)
    #expect(throws: MemoryError.self) { try KVCache(layout, blockCounts: plan.blockCounts, on: small) }
    #expect(small.bytesInUse == 0)
    for counts in [[0, 1, 1], [1, 1], [1, -1, 1], [Int.max, 1, 1]] {
      #expect(throws: MemoryError.self) { try KVCache(layout, blockCounts: counts, on: heap) }
    }
  }

  @Test("a transient group has tables for the sequences of a step, and clears what they fill in part")
  func transient() throws {
    let heap = try DeviceHeap(context)
    let geometry = try KVGeometry(kvHeadCount: 1, keyDim: 16)
    let layout = try KVCacheLayout(groups: [
      KVGroup(layers: [0, 1, 2], geometry: geometry, kind: .transient, blockSize: 16),
      KVGroup(layers: [3], geometry: geometry, blockSize: 16),
    ])
    let cache = try KVCache(layout, blockCounts: [4, 1], on: heap)
    #expect(try cache.keys(layer: 0) === cache.keys(layer: 2))
    let step = try cache.transientTables(group: 0, tokenCounts: [20, 16, 1])
    #expect(step.tables.map(\.blocks) == [[0, 1], [2], [3]])
    #expect(step.work.groups == [KVGroupWork(clear: [1, 3]), KVGroupWork()])
    #expect(try memoryError { try cache.transientTables(group: 0, tokenCounts: [33, 20]) }.code == .outOfBlocks)
    for (group, counts) in [(1, [1]), (2, [1]), (-1, [1]), (0, [0]), (0, [-1]), (0, [Int.max, Int.max])] {
      #expect(throws: MemoryError.self) { try cache.transientTables(group: group, tokenCounts: counts) }
    }
  }

  @Test("closing a sequence, or letting it go, frees its blocks; a closed one refuses work")
  func closing() throws {
    let heap = try DeviceHeap(context)
    let layout = try KVCacheLayout(
      layerCount: 1, geometry: KVGeometry(kvHeadCount: 1, keyDim: 16), blockSize: 16)
    let cache = try KVCache(layout, blockCounts: [3], on: heap)
    do {
      let passing = cache.makeSequence()
      _ = try passing.reserve(40)
      #expect(cache.freeBlockCount(group: 0) == 0 && cache.sequenceCount == 1)
      let second = cache.makeSequence()
      #expect(try memoryError { try second.reserve(1) }.code == .outOfBlocks)
      #expect(second.tokenCount == 0 && second.tables[0].blocks.isEmpty)
      passing.abandon()
      #expect(cache.freeBlockCount(group: 0) == 3)
      #expect(try second.reserve(33).work.groups[0].clear.count == 3)
      withExtendedLifetime(passing) {}
    }
    #expect(cache.freeBlockCount(group: 0) == 3 && cache.sequenceCount == 0)

    let sequence = cache.makeSequence()
    _ = try sequence.reserve(17)
    try sequence.commit(17)
    try sequence.truncate(to: 3)
    #expect(cache.freeBlockCount(group: 0) == 2 && sequence.tokenCount == 3)
    let fork = try sequence.fork()
    sequence.close()
    sequence.close()
    #expect(cache.freeBlockCount(group: 0) == 2 && sequence.tables.isEmpty && fork.tokenCount == 3)
    fork.close()
    #expect(cache.freeBlockCount(group: 0) == 3)
    sequence.abandon()
    for use in [
      { _ = try sequence.reserve(1) }, { try sequence.commit(0) }, { try sequence.truncate(to: 0) },
      { _ = try sequence.fork() }, { _ = try sequence.fill(group: 0, count: 1) },
      { _ = try sequence.commit(keeping: []) },
    ] {
      #expect(try memoryError(use).code == .invalidSequence)
    }
  }
}
