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
        }
      }
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
