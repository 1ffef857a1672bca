import TesseraMemory
import TesseraModels
import TesseraOperators
import TestSupport
import Testing

extension ModelSuites {
  @Suite("Random schedules", .timeLimit(.minutes(20)))
  struct RandomScheduleTests {
    @Test(
      "whatever is added, forked, cut off and batched, each row is that of its sequence alone",
      arguments: [(KernelStyle.simt, 1000), (.vector, 60)])
    func schedules(style: KernelStyle, most: Int) throws {
      let runner = try SyntheticModel.llama.runner(
        { ($0.sequenceCount, $0.contextLength, $0.chunkSize, $0.style) = (4, 192, 96, style) }, SyntheticModel.oneLayer)
      // Streams that share prefixes, so that forks may go on with any that begins like theirs.
      var streams: [[Int]] = []
      for base in 0..<3 {
        let stream = SyntheticModel.ids(192, seed: UInt64(base + 1))
        streams.append(stream)
        for (index, shared) in [17, 64, 100].enumerated() {
          streams.append(stream.prefix(shared) + SyntheticModel.ids(192 - shared, seed: UInt64(10 * base + index + 10)))
        }
      }
      let alone = try streams.map { try runner.alone($0) }
      var random = Schedule.Numbers(seed: 11)
      var rowCount = 0
      for number in 0..<Grid.values([most], small: [60])[0] {
        var schedule = Schedule(runner, streams, alone)
        for _ in 0..<6 + random.below(8) { try schedule.step(&random) }
        #expect(schedule.wrongRows == 0, "schedule \(number)")
        rowCount += schedule.rowCount
        schedule.close()
        #expect(runner.freeBlocks == runner.cache.blockCounts, "schedule \(number)")
      }
      #expect(rowCount > 1000)
    }
  }
}

/// Sequences of known streams, and what is done to them at random.
private struct Schedule {
  /// Numbers that are the same for the same seed (Steele et al. 2014).
  struct Numbers {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func below(_ count: Int) -> Int {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return Int((z ^ z >> 31) % UInt64(max(1, count)))
    }
  }

  private struct Member {
    var sequence: KVSequence
    var stream: Int
  }

  let runner: ModelRunner
  let streams: [[Int]]
  let alone: [[Row]]
  private var members: [Member] = []
  private(set) var wrongRows = 0
  private(set) var rowCount = 0

  init(_ runner: ModelRunner, _ streams: [[Int]], _ alone: [[Row]]) {
    (self.runner, self.streams, self.alone) = (runner, streams, alone)
  }

  func close() { for member in members { member.sequence.close() } }

  /// A stream that begins like the first `count` tokens of another.
  private func stream(like stream: Int, count: Int, _ random: inout Numbers) -> Int {
    let alike = streams.indices.filter { streams[$0].prefix(count) == streams[stream].prefix(count) }
    return alike[random.below(alike.count)]
  }

  mutating func step(_ random: inout Numbers) throws {
    if members.isEmpty || random.below(3) == 0 {
      members.append(Member(sequence: runner.cache.makeSequence(), stream: random.below(streams.count)))
    }
    let chosen = random.below(members.count)
    switch random.below(8) {
    case 0, 1:
      let count = members[chosen].sequence.tokenCount
      members.append(
        Member(
          sequence: try members[chosen].sequence.fork(),
          stream: stream(like: members[chosen].stream, count: count, &random)))
    case 2:
      let count = random.below(members[chosen].sequence.tokenCount + 1)
      try members[chosen].sequence.truncate(to: count)
      members[chosen].stream = stream(like: members[chosen].stream, count: count, &random)
    case 3: members.remove(at: chosen).sequence.close()
    default: break
    }
    try run(&random)
  }

  /// Runs a piece of some sequences, in any order.
  private mutating func run(_ random: inout Numbers) throws {
    var left = runner.chunkSize
    var chunks: [Batch.Chunk] = []
    var expected: [Row] = []
    var order = Array(members.indices)
    for index in order.indices { order.swapAt(index, random.below(order.count)) }
    for index in order where random.below(4) > 0 {
      let (sequence, stream) = (members[index].sequence, members[index].stream)
      let done = sequence.tokenCount
      let most = min(left, streams[stream].count - done)
      guard most > 0 else { continue }
      let count = min(most, [1, 1, 2, 7, 1 + random.below(most)][random.below(5)])
      let outputs: Batch.Outputs = [.none, .last, .all][random.below(3)]
      left -= count
      chunks.append(.init(sequence: sequence, tokens: Array(streams[stream][done..<done + count]), outputs: outputs))
      switch outputs {
      case .none: break
      case .last: expected.append(alone[stream][done + count - 1])
      case .all: expected += alone[stream][done..<done + count]
      }
    }
    guard !chunks.isEmpty else { return }
    let free = runner.freeBlocks
    do {
      let rows = try runner.rows(chunks)
      rowCount += rows.count
      wrongRows += abs(rows.count - expected.count) + zip(rows, expected).count { $0 != $1 }
    } catch let error as MemoryError where error.code == .outOfBlocks {
      // Nothing has changed; somebody ends.
      if runner.freeBlocks != free { wrongRows += 1 }
      members.remove(at: random.below(members.count)).sequence.close()
    }
  }
}
