import TesseraMemory
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Launches")
  struct LaunchTests {
    /// Kernels that a step launches, which brings its likeliest token too.
    private func launches(
      layers: Int, tokens: Int, style: KernelStyle, after history: Int = 20
    ) async throws -> Int {
      var options = LoadOptions()
      options.style = style
      let model = try await SyntheticModel.llama.load(options) { writer in
        writer.metadata["llama.block_count"] = .uint32(UInt32(layers))
        // Queries, keys and values of one type are one matrix.
        writer.tensors["blk.1.attn_v.weight"] = writer.tensors["blk.1.attn_k.weight"]
        for (name, tensor) in writer.tensors where name.hasPrefix("blk.1.") {
          for layer in 2..<max(2, layers) { writer.tensors["blk.\(layer)." + name.dropFirst("blk.1.".count)] = tensor }
        }
      }
      return try await model.launches(history: SyntheticModel.ids(history), tokens: SyntheticModel.ids(tokens))
    }

    @Test("a layer of Llama's kind is six launches of a decode step, and a seventh where keys are split")
    func layer() async throws {
      for (history, expected) in [(20, 6), (300, 7)] {
        let (three, two) = (
          try await launches(layers: 3, tokens: 1, style: .simt, after: history),
          try await launches(layers: 2, tokens: 1, style: .simt, after: history)
        )
        #expect(three - two == expected, "after \(history) tokens")
      }
    }

    @Test("a recorded step is one launch whatever its layers", arguments: [1, 9])
    func recorded(tokens: Int) async throws {
      let count = try await launches(layers: 3, tokens: tokens, style: .vector)
      // The embedding and the search for the likeliest token come beside it, and of a prompt the logits.
      #expect(count <= (tokens == 1 ? 3 : 7))
      #expect(try await launches(layers: 2, tokens: tokens, style: .vector) == count)
    }
  }
}

extension LanguageModel {
  /// Kernels that a step of `tokens` launches with the search for its likeliest token, after `history`.
  fileprivate func launches(history: [Int], tokens: [Int]) throws -> Int {
    let transformer = try loaded()
    let sequence = transformer.cache.makeSequence()
    try transformer.forward(Batch([.init(sequence: sequence, tokens: history)], outputs: .last))
    let before = transformer.launchCount
    try transformer.forward(Batch([.init(sequence: sequence, tokens: tokens)], outputs: .last))
    _ = try transformer.candidates(row: 0, keep: 1)
    return transformer.launchCount - before
  }
}
