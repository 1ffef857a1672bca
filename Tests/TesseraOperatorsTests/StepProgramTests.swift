import TesseraCL
import TesseraKernels
import TesseraMemory
import TesseraReference
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Step programs")
  @MainActor struct StepProgramTests {
    nonisolated static let targets = Target.all.filter { $0.style == .vector }

    static let formats: [WeightFormat] = Grid.values(
      WeightFormat.allCases, small: [.f32, .f16, .q4_0, .q5_1, .q8_0, .q6_K, .iq4_NL, .iq2_XXS, .tq1_0])

    static let attentions: [AttentionProblem] = [
      .init(heads: 2, kvHeads: 1, headDim: 32, sequences: few),
      .init(heads: 4, kvHeads: 2, headDim: 40, keys: .q8_0, values: .f16, sequences: few),
      .init(heads: 2, kvHeads: 1, headDim: 32, window: 7, sinkKeys: 2, hasSlopes: true, hasSinks: true, sequences: few),
      .init(heads: 2, kvHeads: 2, headDim: 32, mask: .full, softCap: 20, hasBias: true, sequences: few),
      .init(heads: 2, kvHeads: 1, headDim: 32, mask: .tree(words: 1), keys: .f16, sequences: few),
      .init(heads: 3, kvHeads: 1, headDim: 64, valueDim: 32, keys: .q4_0, sharesValues: true, sequences: few),
    ]
    static let few: [AttentionProblem.Sequence] = [.init(count: 3), .init(history: 270, count: 2)]

    /// Scores of 5 tokens for 4 experts of which one has no token.
    static let scores: [Float] = [
      3, 1, -9, 2, 0.5, 0.5, -9, 0.5, -1, 4, -9, -2, 0, 2, -9, 2, 7, 1, -9, 3,
    ]

    private func all(_ tokens: Int, fast: FastProduct?, on bench: Bench) throws -> SinkProblem {
      let problem = SinkProblem(on: bench)
      try problem.addRows()
      try problem.addProducts(Self.formats, tokens: tokens)
      if let fast { try problem.addProducts([.q4_0, .q6_K, .q4_K], tokens: tokens, fast: fast) }
      try problem.addRotations()
      try problem.addAttention(Self.attentions)
      try problem.addAttention(Array(Self.attentions.prefix(2)), splits: 3)
      try problem.addExperts(ExpertProblem(.q8_0, tokens: 5, topK: 2, scores: Self.scores))
      return problem
    }

    /// Runs both `times` times, and compares after each.
    private func compare(_ queued: SinkProblem, _ program: StepProgram, _ recorded: SinkProblem, times: Int) throws {
      let bench = queued.bench
      for time in 1...times {
        try queued.enqueue(on: bench.queue)
        try program.run()
        for (a, b) in zip(queued.outputs, recorded.outputs) {
          let (expected, found) = (try bench.floats(a.buffer), try bench.floats(b.buffer))
          #expect(sameBits(expected, found), "\(a.name), run \(time)")
        }
      }
    }

    @Test(
      "a program of every operator gives the bits of its commands on a queue, as often as it runs", arguments: targets)
    func sameBitsAsQueue(target: Target) throws {
      let bench = try target.bench()
      for tokens in Grid.values([1, 3, 29], small: [2]) {
        let fast = try FastProduct(bench.library, tiles: bench.plan().matrix, dot: .plain)
        let (queued, recorded) = (try all(tokens, fast: fast, on: bench), try all(tokens, fast: fast, on: bench))
        let dispatches = try recorded.dispatches()
        let buffers = Set(try dispatches.flatMap { try $0.buffers().map(ObjectIdentifier.init) })
        #expect(buffers.count > 48, "one segment would hold all")
        let program = try StepProgram(dispatches, bench.library, heap: bench.heap, queue: bench.queue)
        try compare(queued, program, recorded, times: 3)
      }
    }

    @Test("the device's best sums of 8 bits are the queue's in a program", arguments: targets)
    func fastBits(target: Target) throws {
      let bench = try target.bench()
      guard let dot = try IntegerDot.bestX86(bench.library) else { return }
      let fast = try FastProduct(bench.library, tiles: bench.plan().matrix, dot: dot)
      func make() throws -> SinkProblem {
        let problem = SinkProblem(on: bench)
        for tokens in [1, 14] { try problem.addProducts([.q4_0, .q6_K, .q5_1], tokens: tokens, fast: fast) }
        return problem
      }
      let (queued, recorded) = (try make(), try make())
      let program = try StepProgram(recorded.dispatches(), bench.library, heap: bench.heap, queue: bench.queue)
      try compare(queued, program, recorded, times: 1)
    }

    @Test("what cannot be part of a launch is launched between two", arguments: targets)
    func launches(target: Target) throws {
      let bench = try target.bench()
      func make() throws -> SinkProblem {
        let problem = SinkProblem(on: bench)
        try problem.addRows()
        try problem.addRotations()
        return problem
      }
      let (queued, recorded) = (try make(), try make())
      var dispatches = try recorded.dispatches()
      for index in [0, 5, 6, dispatches.count - 1] { dispatches[index].isInlinable = false }
      let program = try StepProgram(dispatches, bench.library, heap: bench.heap, queue: bench.queue)
      let before = bench.queue.launchCount
      try program.run()
      #expect(bench.queue.launchCount - before == 6)
      try queued.enqueue(on: bench.queue)
      try compare(queued, program, recorded, times: 2)
    }

    @Test("a program needs places for all memory; one without commands does nothing")
    func refusals() throws {
      let bench = try #require(Self.targets.first).bench()
      let list = DispatchList()
      let tensor = BufferView(.tensor(3))
      try SoftCap(bench.library).enqueue(tensor, cap: 1, size: 64, on: list)
      #expect(throws: OperatorError.self) {
        try StepProgram(list.dispatches, bench.library, heap: bench.heap, queue: bench.queue)
      }
      #expect(throws: OperatorError.self) {
        try SoftCap(bench.library).enqueue(tensor, cap: 1, size: 4, on: bench.queue)
      }
      let arena = try bench.buffer([Float](repeating: 3, count: 100))
      #expect(throws: OperatorError.self) { try list.placed(in: arena, at: [:]) }
      #expect(try list.lifetimes() == [3: 0...0])
      let placed = try list.placed(in: arena, at: [3: 16])
      try StepProgram(placed, bench.library, heap: bench.heap, queue: bench.queue).run()
      let y = try bench.floats(arena)
      #expect(y[..<4].allSatisfy { $0 == 3 } && y[4..<68].allSatisfy { $0 < 1 } && y[68...].allSatisfy { $0 == 3 })
      try StepProgram([], bench.library, heap: bench.heap, queue: bench.queue).run()
    }

    @Test("programs of any length take turns on one queue's counters", arguments: targets)
    func sharedCounters(target: Target) throws {
      let bench = try target.bench()
      let counters = try StepCounters(commandCount: 40, heap: bench.heap, queue: bench.queue)
      let adds: [(SinkProblem) throws -> Void] = [
        { try $0.addRows() }, { try $0.addRotations() },
        { try $0.addProducts([.q8_0, .q4_0, .f16], tokens: 3) },
      ]
      func make(_ add: (SinkProblem) throws -> Void) throws -> SinkProblem {
        let problem = SinkProblem(on: bench)
        try add(problem)
        return problem
      }
      let (queued, recorded) = (try adds.map(make), try adds.map(make))
      let programs = try recorded.map {
        var dispatches = try $0.dispatches()
        // Of several segments.
        dispatches[1].isInlinable = false
        return try StepProgram(
          dispatches, bench.library, heap: bench.heap, queue: bench.queue, counters: counters)
      }
      let order = [0, 1, 2, 2, 0, 1, 1, 1, 0, 2]
      for index in order { try programs[index].run() }
      for index in order { try queued[index].enqueue(on: bench.queue) }
      for (a, b) in zip(queued.flatMap(\.outputs), recorded.flatMap(\.outputs)) {
        #expect(sameBits(try bench.floats(a.buffer), try bench.floats(b.buffer)), "\(a.name)")
      }
    }

    @Test("a tensor that is read before anything has written it is refused")
    func unwritten() throws {
      let bench = try #require(Self.targets.first).bench()
      let list = DispatchList()
      let (x, y) = (BufferView(.tensor(1)), BufferView(.tensor(2)))
      try RowGather(bench.library).enqueue(x, indices: nil, into: y, rows: 1, columns: 8, on: list)
      #expect(throws: OperatorError.self) { try list.lifetimes() }
    }

    /// A block with one view more than a step program's command has buffers.
    private struct WideArguments: ArgumentBlock, BitwiseCopyable {
      static let (structName, viewCount) = ("wide_arguments", 14)
      var offsets: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
      var others: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
    }

    @Test("a command has as many views as its block, and no more than a program has places for")
    func views() throws {
      let bench = try #require(Self.targets.first).bench()
      let view = try bench.buffer([Float](repeating: 0, count: 4)).view
      let variant = KernelVariant("rows/gather_rows.cl", "gather_rows")
      for count in [2, 4] {
        #expect(throws: OperatorError.self) {
          try Dispatch(
            variant, GatherArguments(), views: Array(repeating: view, count: count), written: [], units: .init(1),
            localSize: 1)
        }
      }
      let wide = try Dispatch(
        variant, WideArguments(), views: Array(repeating: view, count: 14), written: [], units: .init(1), localSize: 1)
      #expect { try StepProgram([wide], bench.library, heap: bench.heap, queue: bench.queue) } throws: {
        "\($0)".contains("14 views")
      }
    }

    @Test("a program of the same variants is made once, and the library keeps those that were used last")
    func kept() throws {
      let bench = try #require(Self.targets.first).bench()
      let variant = ProgramSource.Variant(
        variant: KernelVariant("rows/gather_rows.cl", "gather_rows"), blockName: GatherArguments.structName,
        viewCount: GatherArguments.viewCount)
      // Of its own: others' programs have these variants, too.
      let library = KernelLibrary(context: bench.library.context, style: .vector)
      func kernel(_ variants: Set<ProgramSource.Variant>, _ rootCount: Int) throws -> KernelLibrary.StepKernel {
        try library.stepProgram(.init(variants: variants, rootCount: rootCount))
      }
      let first = try kernel([variant], 3)
      #expect(try kernel([variant], 3).kernel === first.kernel)
      let larger = try kernel([variant], 4)
      #expect(larger.kernel !== first.kernel && larger.rootCount == 4)
      // One of more variants serves steps of fewer, the smallest first.
      let second = ProgramSource.Variant(
        variant: KernelVariant("rows/gather_rows.cl", "gather_rows", [.init("OTHER", 1)]),
        blockName: GatherArguments.structName, viewCount: GatherArguments.viewCount)
      let both = try kernel([variant, second], 4)
      #expect(both.kernel !== larger.kernel && Set(both.numbers.values) == [0, 1])
      #expect(try kernel([second], 2).kernel === both.kernel)
      #expect(try kernel([variant], 4).numbers == [variant: 0])

      var table = RecentTable<Int, String>(limit: 3)
      for key in 1...3 { table.insert("\(key)", for: key) }
      #expect(table[1] == "1")
      table.insert("4", for: 4)
      table.insert("four", for: 4)
      #expect(table[2] == nil && table[1] == "1" && table[3] == "3" && table[4] == "four" && table.count == 3)
    }
  }
}
