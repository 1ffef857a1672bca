import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Launches")
  struct LaunchTests {
    /// A Llama of any number of layers.
    private static func layered(_ layers: Int) -> (inout GGUFWriter) -> Void {
      { writer in
        writer.metadata["llama.block_count"] = .uint32(UInt32(layers))
        // Queries, keys and values of one type are one matrix.
        writer.tensors["blk.1.attn_v.weight"] = writer.tensors["blk.1.attn_k.weight"]
        for (name, tensor) in writer.tensors where name.hasPrefix("blk.1.") {
          for layer in 2..<max(2, layers) { writer.tensors["blk.\(layer)." + name.dropFirst("blk.1.".count)] = tensor }
        }
      }
    }

    /// Kernels that a step launches.
    private func launches(
      layers: Int, tokens: Int, style: KernelStyle, after history: Int = 20, precision: Precision = .exact
    ) throws -> Int {
      let runner = try SyntheticModel.llama.runner(
        { ($0.style, $0.precision) = (style, precision) }, Self.layered(layers))
      return try runner.launches(history: history, tokens: tokens)
    }

    @Test("a layer of Llama's kind is six launches for one token and for 16, and a seventh where keys are split")
    func layer() throws {
      for precision in [Precision.exact, .fast] {
        for (tokens, history, expected) in [(1, 20, 6), (16, 20, 6), (1, 600, 7)] {
          let three = try launches(layers: 3, tokens: tokens, style: .simt, after: history, precision: precision)
          let two = try launches(layers: 2, tokens: tokens, style: .simt, after: history, precision: precision)
          #expect(three - two == expected, "\(precision), \(tokens) after \(history) tokens")
          // Beside them the embedding, the logits, and a norm and a product of the first layer, whose values have weights of another
          // type; rotations are there already.
          if tokens == 1, precision == .exact { #expect(two == 2 * expected + 4, "after \(history) tokens") }
        }
      }
    }

    @Test("decode steps that are recorded give the bits of those that are launched, token by token", arguments: [1, 3])
    func replayed(count: Int) throws {
      func answers(records: Bool) throws -> (logits: [[UInt32]], runs: Int) {
        let runner = try SyntheticModel.llama.runner {
          ($0.style, $0.recordsSteps, $0.sequenceCount, $0.contextLength) = (.simt, records, count, 64)
        }
        let sequences = (0..<count).map { _ in runner.cache.makeSequence() }
        defer { for sequence in sequences { sequence.close() } }
        var logits: [[UInt32]] = []
        for step in 0..<6 {
          let ids = SyntheticModel.ids(step == 0 ? 5 : 1, seed: UInt64(step + 9))
          let chunks = sequences.enumerated().map { index, sequence in
            Batch.Chunk(sequence: sequence, tokens: ids.map { ($0 + 3 * index) % 50 })
          }
          let result = try runner.run(Batch(chunks))
          logits.append(try runner.logits(result, rows: 0..<count).map(\.bitPattern))
        }
        return (logits, runner.queue.recordedRunCount)
      }
      let (launched, recorded) = (try answers(records: false), try answers(records: true))
      #expect(recorded.logits == launched.logits && Set(launched.logits).count == 6)
      let device = try Device.select(nil)
      // The first decode step is launched.
      #expect(launched.runs == 0 && recorded.runs == (device.profile.commandBuffers ? 4 : 0))
    }

    @Test("what is compiled ahead is all that a prompt's chunk, a decode step and a draw launch")
    func compiledAhead() throws {
      var told: [LoadProgress] = []
      let runner = try SyntheticModel.llama.runner(
        {
          ($0.style, $0.compilesAhead, $0.chunkSize, $0.contextLength) = (.simt, true, 20, 256)
        }, progress: { told.append($0) })
      // All kernels are there before the first weights are.
      let kernels = told.prefix { if case .kernels = $0 { true } else { false } }
      guard case .kernels(0, of: let all)? = kernels.first else { throw TesseraError(.badOption, "\(told)") }
      #expect(all > 8 && kernels.last == .kernels(all, of: all))
      #expect(told.count > kernels.count)
      #expect(!told.dropFirst(kernels.count).contains { if case .kernels = $0 { true } else { false } })

      let compiled = Set(runner.library.variants)
      let sequence = runner.cache.makeSequence()
      defer { sequence.close() }
      let sampler = try BatchSampler(runner)
      var row = SamplingRow()
      (row.temperature, row.topP) = (1, 0.9)
      for tokens in [SyntheticModel.ids(20), [7], [8]] {
        _ = try sampler.sample([row], of: runner.run(Batch([.init(sequence: sequence, tokens: tokens)])))
      }
      _ = try sampler.sample([SamplingRow()], of: runner.run(Batch([.init(sequence: sequence, tokens: [9])])))
      #expect(Set(runner.library.variants).subtracting(compiled).isEmpty)
    }

    @Test("one program that is compiled ahead serves steps of any size")
    func programAhead() throws {
      var told: [LoadProgress] = []
      let runner = try SyntheticModel.gemma3.runner(
        {
          ($0.style, $0.compilesAhead, $0.chunkSize, $0.contextLength, $0.sequenceCount) = (.vector, true, 40, 1024, 6)
        }, SyntheticModel.twoLayers, progress: { told.append($0) })
      guard runner.library.context.device.profile.type == .cpu else { return }
      guard case .kernels(let done, of: let all)? = told.last else { throw TesseraError(.badOption, "\(told)") }
      #expect(done == all && all > 3 && runner.library.stepProgramCount == 1)
      for (step, tokens) in ([40, 1, 1] + Array(1...40)).enumerated() {
        // A prompt's chunk alone, which is wanted or not, and beside sequences that have a token each.
        for others in [0, 1 + step % 5] where tokens + others <= 40 {
          let sequences = (0...others).map { _ in runner.cache.makeSequence() }
          defer { for sequence in sequences { sequence.close() } }
          let prompt = Batch.Chunk(
            sequence: sequences[0], tokens: SyntheticModel.ids(tokens), outputs: step % 2 == 0 ? .last : .none)
          _ = try runner.run(
            Batch([prompt] + sequences.dropFirst().map { Batch.Chunk(sequence: $0, tokens: [7]) }))
        }
      }
      // Few tokens behind many keys, which are split.
      let long = runner.cache.makeSequence()
      defer { long.close() }
      for _ in 0..<18 {
        _ = try runner.run(Batch([.init(sequence: long, tokens: SyntheticModel.ids(40), outputs: .none)]))
      }
      for tokens in 1...8 {
        let other = runner.cache.makeSequence()
        defer { other.close() }
        let chunk = Batch.Chunk(sequence: long, tokens: SyntheticModel.ids(tokens))
        for chunks in [[chunk], [chunk, .init(sequence: other, tokens: [7])]] { _ = try runner.run(Batch(chunks)) }
      }
      #expect(runner.library.stepProgramCount == 1)
    }

    @Test("choices that are not there are an error, not a wait without an end")
    func choices() throws {
      let runner = try SyntheticModel.llama.runner { ($0.style, $0.contextLength) = (.simt, 64) }
      let sequence = runner.cache.makeSequence()
      defer { sequence.close() }
      let sampler = try BatchSampler(runner)
      let pending = try sampler.enqueue(
        [SamplingRow()], of: runner.run(Batch([.init(sequence: sequence, tokens: [1, 2])])))
      #expect(try pending.values().count == 1)
      // They were read; the device has no others.
      #expect(throws: OperatorError.self) { try pending.values() }
      #expect(throws: OperatorError.self) { try Flight(ids: [], choices: pending) }
      #expect(throws: OperatorError.self) { try Flight.check(2, of: 3) }
    }

    @Test("loading ends between two kernels when its task is canceled")
    func cancelled() async throws {
      let task = Task {
        // Once the task is canceled.
        while !Task.isCancelled { await Task.yield() }
        _ = try SyntheticModel.llama.runner({ ($0.style, $0.compilesAhead) = (.simt, true) })
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a step that is recorded whole is one launch whatever its layers", arguments: [1, 9])
    func recorded(tokens: Int) throws {
      let runner = try SyntheticModel.llama.runner({ $0.style = .vector }, Self.layered(2))
      // GPUs have no programs.
      guard runner.library.context.device.profile.type == .cpu else { return }
      let count = try runner.launches(history: 20, tokens: tokens)
      #expect(count <= (tokens == 1 ? 3 : 7))
      #expect(try launches(layers: 3, tokens: tokens, style: .vector) == count)
    }
  }
}

extension ModelRunner {
  /// Kernels that a step of `tokens` launches after `history`, with the logits of its last token.
  fileprivate func launches(history: Int, tokens: Int) throws -> Int {
    // Blocks are cleared when they are used first.
    let ids = SyntheticModel.ids(history + tokens)
    for _ in 0..<2 {
      let sequence = cache.makeSequence()
      defer { sequence.close() }
      for start in stride(from: 0, to: history, by: chunkSize) {
        _ = try run(
          Batch([.init(sequence: sequence, tokens: Array(ids[start..<min(start + chunkSize, history)]), outputs: .none)]
          ))
      }
      let before = launchCount
      _ = try run(Batch([.init(sequence: sequence, tokens: Array(ids[history...]))]))
      let count = launchCount - before
      sequence.close()
      if sequence.id > 1 { return count }
    }
    return 0
  }
}
