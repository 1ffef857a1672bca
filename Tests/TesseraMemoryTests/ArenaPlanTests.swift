import Testing

@testable import TesseraMemory

@Suite("Arena plan")
struct ArenaPlanTests {
  @Test("pieces that live at once never overlap, all are aligned, and the total is their extent")
  func noOverlap() throws {
    for seed in 0..<200 as Range<UInt64> {
      var generator = TestGenerator(state: seed)
      let requests = (0..<Int.random(in: 1...20, using: &generator)).map { i in
        let first = Int.random(in: 0...9, using: &generator)
        let last = Int.random(in: first...9, using: &generator)
        return ArenaPlan.Request(
          "piece \(i)", byteCount: Int.random(in: 1...5000, using: &generator),
          lifetime: Bool.random(using: &generator) ? nil : first...last)
      }
      let plan = try ArenaPlan(requests, alignment: 128)
      #expect(plan.slots.count == requests.count)
      for a in requests {
        let slotA = try #require(plan.slots[a.name])
        #expect(slotA.offset % 128 == 0 && slotA.byteCount == a.byteCount)
        #expect(slotA.offset + slotA.byteCount <= plan.byteCount)
        for b in requests where b.name != a.name {
          let slotB = try #require(plan.slots[b.name])
          let apart = slotA.offset + a.byteCount <= slotB.offset || slotB.offset + b.byteCount <= slotA.offset
          let atOnce = a.lifetime.map { a in b.lifetime.map { a.overlaps($0) } ?? true } ?? true
          #expect(apart || !atOnce, "\(a) and \(b) share bytes")
        }
      }
      #expect(plan.byteCount <= requests.reduce(0) { $0 + ($1.byteCount + 127) / 128 * 128 })
    }
  }

  @Test("pieces that never live at once share bytes")
  func sharing() throws {
    let plan = try ArenaPlan(
      [
        .init("a", byteCount: 1000, lifetime: 0...1), .init("b", byteCount: 900, lifetime: 2...3),
        .init("always", byteCount: 100),
      ], alignment: 64)
    #expect(plan.slots["a"]?.offset == plan.slots["b"]?.offset)
    #expect(plan.byteCount == 1024 + 128)
  }

  @Test("the order of the requests does not change the layout")
  func deterministic() throws {
    let requests = (0..<12).map { ArenaPlan.Request("p\($0)", byteCount: 64 + 64 * ($0 % 4), lifetime: $0 / 3...$0) }
    #expect(try ArenaPlan(requests, alignment: 64) == ArenaPlan(requests.reversed(), alignment: 64))
  }

  @Test("empty, negative, doubled and overflowing pieces are refused")
  func refusals() throws {
    for requests: [ArenaPlan.Request] in [
      [.init("a", byteCount: 0)], [.init("a", byteCount: -1)], [.init("a", byteCount: 1), .init("a", byteCount: 2)],
      [.init("a", byteCount: Int.max)], [.init("a", byteCount: Int.max / 2), .init("b", byteCount: Int.max / 2 + 9)],
    ] {
      #expect(try memoryError { try ArenaPlan(requests, alignment: 64) }.code == .invalidRequest)
    }
    #expect(throws: MemoryError.self) { try ArenaPlan([.init("a", byteCount: 1)], alignment: 0) }
    #expect(try ArenaPlan([], alignment: 64).byteCount == 0)
  }
}
