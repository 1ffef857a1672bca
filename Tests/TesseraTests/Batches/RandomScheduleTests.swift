import TesseraMemory
import TesseraModels
import TesseraOperators
import TestSupport
import Testing

extension ModelSuites {
  @Suite("Random schedules", .timeLimit(.minutes(60)))
  struct RandomScheduleTests {
    @Test(
      "whatever is added, forked, cut off and batched, each row is that of its sequence alone",
      arguments: [
        (ScheduledModel.llama, KernelStyle.simt, 1000), (.llama, .vector, 60), (.window, .simt, 200),
        (.window, .vector, 20),
        (.latent, .simt, 100), (.latent, .vector, 20), (.encoderDecoder, .simt, 200), (.encoderDecoder, .vector, 20),
        (.adapters, .simt, 100), (.adapters, .vector, 20), (.fast, .simt, 100), (.fast, .vector, 20),
      ])
    func schedules(model: ScheduledModel, style: KernelStyle, most: Int) throws { try check(model, style, most) }

    @Test(
      "so with experts",
      arguments: [
        (ScheduledModel.experts, KernelStyle.simt, 200), (.experts, .vector, 20), (.sharedExpert, .simt, 100),
        (.sinks, .simt, 100), (.sinks, .vector, 20), (.hostExperts, .simt, 100), (.hostExperts, .vector, 20),
        (.hostPrograms, .vector, 20), (.quantizedHostExperts, .simt, 60), (.quantizedHostExperts, .vector, 20),
      ])
    func expertSchedules(model: ScheduledModel, style: KernelStyle, most: Int) throws { try check(model, style, most) }

    private func check(_ model: ScheduledModel, _ style: KernelStyle, _ most: Int) throws {
      let runner = try model.runner(style)
      let vocabulary = min(256, runner.profile.vocabularySize)
      func ids(_ count: Int, _ seed: Int) -> [Int] {
        SyntheticModel.ids(count, seed: UInt64(seed)).map { $0 % vocabulary }
      }
      // Streams that share prefixes, and an encoder-decoder's source, so that forks may go on with any that begins like theirs.
      let length = runner.contextLength
      var streams: [Stream] = []
      for base in 0..<3 {
        let source = runner.takesSource ? ids(20 + 30 * base, base + 100) : nil
        // The same tokens with different adapters, and without.
        let adapter = runner.adapters.isEmpty || base == 0 ? nil : base - 1
        let tokens = ids(length, runner.adapters.isEmpty ? base + 1 : 1)
        streams.append(Stream(tokens: tokens, source: source, adapter: adapter))
        for (index, shared) in [17, 64, 100].enumerated() {
          let rest = ids(length - shared, 10 * base + index + 10)
          streams.append(Stream(tokens: tokens.prefix(shared) + rest, source: source, adapter: adapter))
        }
      }
      let alone = try streams.map { try runner.alone($0.tokens, source: $0.source, adapter: $0.adapter) }
      if !runner.adapters.isEmpty { #expect(Set([0, 4, 8].map { alone[$0] }).count == 3) }
      // A step program is compiled for each kind of step: other models than Llama that have them have few kinds there.
      let isVaried = style == .simt || ![.window, .experts, .hostPrograms].contains(model)
      var random = SeededNumbers(seed: 11)
      var (rowCount, lostWindows) = (0, 0)
      for number in 0..<Grid.values([most], small: [min(20, most)])[0] {
        var schedule = Schedule(runner, streams, alone, isVaried: isVaried)
        for _ in 0..<6 + random.below(8) { try schedule.step(&random) }
        #expect(schedule.wrongRows == 0, "schedule \(number)")
        rowCount += schedule.rowCount
        lostWindows += schedule.lostWindows
        schedule.close()
        #expect(runner.freeBlocks == runner.cache.blockCounts, "schedule \(number)")
      }
      if let experts = runner.expertStatistics { #expect(experts.hits > 0 && experts.misses > 100) }
      #expect(rowCount > (isVaried ? 1000 : 30) && (model != .window || lostWindows > 0))
    }
  }
}

/// Tiny models that keep different things of a sequence.
enum ScheduledModel: Sendable {
  case llama
  /// A layer with a window and one without.
  case window
  case experts
  /// Besides experts one that all tokens go through, behind a gate.
  case sharedExpert
  /// Latent attention, and experts in groups.
  case latent
  /// Learned sinks, a window and none, experts with biases.
  case sinks
  /// The same with places on the device for three of its twelve experts.
  case hostExperts
  /// The same where what lies between two choices of experts is a program.
  case hostPrograms
  /// The same, quantized as they come to the device.
  case quantizedHostExperts
  case encoderDecoder
  /// Two adapters, and none.
  case adapters
  /// Fast precision, where the device gains by it.
  case fast

  func runner(_ style: KernelStyle) throws -> ModelRunner {
    func configure(_ options: inout ModelRunner.Options) {
      (options.sequenceCount, options.contextLength, options.chunkSize, options.style) = (4, 192, 96, style)
    }
    func family(
      _ folder: String, expertMemory: Int? = nil, usesPrograms: Bool = false, type: WeightFormat? = nil,
      adapters: [String] = []
    ) throws -> ModelRunner {
      var options = ModelRunner.Options()
      configure(&options)
      (options.contextLength, options.expertMemory, options.weightFormat) = (128, expertMemory, type)
      options.adapters = try adapters.map { try AdapterFixture(name: $0, model: folder).adapter() }
      return try FamilyFixture(folder: folder, isGGUF: false).model(options, usesPrograms: usesPrograms).runner
    }
    switch self {
    case .llama: return try SyntheticModel.llama.runner(configure, SyntheticModel.oneLayer)
    case .window:
      return try SyntheticModel.gemma3.runner {
        configure(&$0)
        // The window gives blocks back behind the first tile of 256 keys.
        ($0.contextLength, $0.chunkSize) = (448, 320)
      } _: {
        SyntheticModel.twoLayers(&$0)
      }
    case .experts: return try family("mixtral", usesPrograms: true)
    case .sharedExpert: return try family("qwen2-moe")
    case .latent: return try family("deepseek-v3")
    case .sinks: return try family("gpt-oss")
    case .hostExperts: return try family("gpt-oss", expertMemory: 3 * 3 * 32 * 32 * 4)
    case .hostPrograms: return try family("gpt-oss", expertMemory: 3 * 3 * 32 * 32 * 4, usesPrograms: true)
    case .quantizedHostExperts: return try family("gpt-oss", expertMemory: 3 * 3 * 32 * 34, type: .q8_0)
    case .encoderDecoder: return try family("t5")
    case .adapters: return try family("llama3", adapters: ["llama3-all", "llama3-some"])
    case .fast:
      return try SyntheticModel.llama.runner {
        configure(&$0)
        $0.precision = .fast
      } _: {
        SyntheticModel.oneLayer(&$0)
      }
    }
  }
}

/// Numbers that are the same for the same seed (Steele et al. 2014).
struct SeededNumbers {
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

/// Tokens of a sequence, the source of an encoder-decoder's, and its adapter.
private struct Stream: Equatable {
  var tokens: [Int]
  var source: [Int]?
  var adapter: Int?
}

/// Sequences of known streams, and what is done to them at random.
private struct Schedule {
  private struct Member {
    var sequence: KVSequence
    var stream: Int
  }

  let runner: ModelRunner
  let streams: [Stream]
  let alone: [[Row]]
  private var members: [Member] = []
  /// Whether steps are of all kinds: any number of tokens, whose rows are wanted or not.
  private let isVaried: Bool
  private(set) var wrongRows = 0
  private(set) var rowCount = 0
  /// Cuts that a window did not allow.
  private(set) var lostWindows = 0

  init(_ runner: ModelRunner, _ streams: [Stream], _ alone: [[Row]], isVaried: Bool) {
    (self.runner, self.streams, self.alone, self.isVaried) = (runner, streams, alone, isVaried)
  }

  func close() { for member in members { member.sequence.close() } }

  /// A stream that begins like the first `count` tokens of another.
  private func stream(like stream: Int, count: Int, _ random: inout SeededNumbers) -> Int {
    let alike = streams.indices.filter {
      streams[$0].tokens.prefix(count) == streams[stream].tokens.prefix(count)
        && streams[$0].source == streams[stream].source && streams[$0].adapter == streams[stream].adapter
    }
    return alike[random.below(alike.count)]
  }

  mutating func step(_ random: inout SeededNumbers) throws {
    if members.isEmpty || random.below(3) == 0 { try add(random.below(streams.count)) }
    guard !members.isEmpty else { return }
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
      do {
        try members[chosen].sequence.truncate(to: count)
        members[chosen].stream = stream(like: members[chosen].stream, count: count, &random)
      } catch {
        guard error.code == .windowLost else { throw error }
        lostWindows += 1
      }
    case 3: members.remove(at: chosen).sequence.close()
    default: break
    }
    try run(&random)
  }

  /// Begins a sequence, if there is room for its source.
  private mutating func add(_ stream: Int) throws {
    let sequence = runner.cache.makeSequence(adapter: streams[stream].adapter)
    do {
      if let source = streams[stream].source { _ = try runner.runSource(source, of: sequence) }
      members.append(Member(sequence: sequence, stream: stream))
    } catch let error as MemoryError where error.code == .outOfBlocks {
      sequence.close()
    }
  }

  /// Runs a piece of some sequences, in any order.
  private mutating func run(_ random: inout SeededNumbers) throws {
    var left = runner.chunkSize
    var chunks: [Batch.Chunk] = []
    var expected: [Row] = []
    var order = Array(members.indices)
    for index in order.indices { order.swapAt(index, random.below(order.count)) }
    for index in order where random.below(4) > 0 {
      let (sequence, stream) = (members[index].sequence, members[index].stream)
      let done = sequence.tokenCount
      let most = min(left, streams[stream].tokens.count - done)
      guard most > 0 else { continue }
      let counts = isVaried ? [1, 1, 2, 7, 1 + random.below(most), most] : [1, 1, most]
      let count = min(most, counts[random.below(counts.count)])
      let outputs: Batch.Outputs = isVaried ? [.none, .last, .all][random.below(3)] : .last
      left -= count
      chunks.append(
        .init(sequence: sequence, tokens: Array(streams[stream].tokens[done..<done + count]), outputs: outputs))
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
