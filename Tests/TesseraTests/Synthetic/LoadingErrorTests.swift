import Foundation
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraText
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Models that cannot be loaded")
  struct LoadingErrorTests {
    /// Loading fails, with a text that has all of `words`.
    private func expectError(
      _ words: [String], _ model: SyntheticModel = .llama, _ options: LoadOptions = LoadOptions(),
      change: (inout GGUFWriter) -> Void, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
      await #expect(sourceLocation: sourceLocation) {
        // A model whose tokenizer is wrong loads all the same, for token ids.
        _ = try await model.load(options, change).tokenizer
      } throws: { error in
        let text = "\(error)"
        for word in words where !text.contains(word) {
          Issue.record("no \"\(word)\" in: \(text)", sourceLocation: sourceLocation)
        }
        return true
      }
    }

    @Test("a missing tensor is named", arguments: ["token_embd", "output_norm", "blk.0.attn_v", "blk.1.ffn_down"])
    func missing(name: String) async {
      await expectError(["\(name).weight"]) { $0.tensors["\(name).weight"] = nil }
    }

    @Test("wrong shapes are named with what is expected")
    func shapes() async {
      let values = [Float](repeating: 0.1, count: 64 * 128)
      await expectError(["blk.0.attn_q.weight", "[32, 64]", "[64, 64]"]) {
        $0.tensors["blk.0.attn_q.weight"] = .q8_0([64, 32], Array(values.prefix(64 * 32)))
      }
      await expectError(["blk.1.ffn_down.weight", "[64, 128]", "[128, 64]"]) {
        $0.tensors["blk.1.ffn_down.weight"] = .q8_0([64, 128], values)
      }
      await expectError(["output_norm.weight", "[32]", "[64]"]) {
        $0.tensors["output_norm.weight"] = .f32([32], Array(values.prefix(32)))
      }
      await expectError(["token_embd.weight"]) {
        $0.tensors["token_embd.weight"] = .f32([64], Array(values.prefix(64)))
      }
      await expectError(["token_embd.weight"]) {
        $0.tensors["token_embd.weight"] = .f32([64, 16, 2], Array(values.prefix(2048)))
      }
    }

    @Test("types that are not supported are named with those that are")
    func types() async {
      await expectError(["blk.0.attn_q.weight", "I8", "Q8_0", "Q4_K"]) {
        $0.tensors["blk.0.attn_q.weight"] = .init(
          type: 24, dimensions: [64, 64], data: .init(repeating: 1, count: 4096))
      }
      await expectError(["blk.0.attn_norm.weight", "I32", "F32"]) {
        $0.tensors["blk.0.attn_norm.weight"] = .init(type: 26, dimensions: [64], data: .init(repeating: 0, count: 256))
      }
    }

    @Test("an unknown architecture is named with those that are known, whatever else the file has")
    func architecture() async {
      await expectError(["mamba", "like it are llama: get", "tessera families"]) {
        $0.metadata["general.architecture"] = .string("mamba")
      }
      await expectError(["general.architecture"]) { $0.metadata["general.architecture"] = nil }
      await expectError(["general.architecture"]) { $0.metadata["general.architecture"] = .uint32(1) }
    }

    @Test("a tensor that the family does not use is an error: the model is another variant")
    func unused() async {
      await expectError(["blk.0.attn_sinks.weight"]) {
        $0.tensors["blk.0.attn_sinks.weight"] = .f32([64], Array(repeating: 0, count: 64))
      }
      await expectError(["blk.2.attn_norm.weight"]) {
        $0.tensors["blk.2.attn_norm.weight"] = .f32([64], Array(repeating: 0, count: 64))
      }
    }

    @Test("absurd sizes are refused by name")
    func sizes() async {
      let cases: [(String, GGUFWriter.Value)] = [
        ("block_count", .uint32(0)), ("block_count", .uint32(.max)), ("block_count", .uint64(.max)),
        ("embedding_length", .uint32(0)), ("embedding_length", .uint64(1 << 62)), ("embedding_length", .uint32(65)),
        ("feed_forward_length", .uint32(0)), ("feed_forward_length", .uint64(1 << 40)),
        ("attention.head_count", .uint32(0)), ("attention.head_count", .uint32(.max)),
        ("context_length", .uint32(0)), ("context_length", .uint64(1 << 50)),
        ("attention.layer_norm_rms_epsilon", .float32(0)), ("attention.layer_norm_rms_epsilon", .float32(.nan)),
        ("attention.layer_norm_rms_epsilon", .string("small")), ("rope.freq_base", .float32(.infinity)),
        ("rope.freq_base", .float32(0)), ("block_count", .string("two")),
      ]
      for (name, value) in cases {
        // 65 is possible, and refused by the embedding, which is not as wide.
        await expectError([name == "embedding_length" ? "emb" : name]) { $0.metadata["llama.\(name)"] = value }
      }
    }

    @Test("a key that llama.cpp requires is required, whatever config.json's default is")
    func requiredKeys() async {
      let name = "attention.layer_norm_rms_epsilon"
      await expectError([name]) { $0.metadata["llama.\(name)"] = nil }
    }

    @Test("experts of an older kind are Mixtral's, not Llama's with a tensor missing")
    func olderExperts() async {
      await expectError(["ffn_gate_exps"]) {
        $0.metadata["llama.expert_count"] = .uint32(2)
        $0.metadata["llama.expert_used_count"] = .uint32(1)
        for layer in 0..<2 {
          $0.tensors["blk.\(layer).ffn_gate_inp.weight"] = .f32([64, 2], Array(repeating: 0.1, count: 128))
          for name in ["ffn_gate", "ffn_up", "ffn_down"] {
            let tensor = $0.tensors.removeValue(forKey: "blk.\(layer).\(name).weight")
            for expert in 0..<2 { $0.tensors["blk.\(layer).\(name).\(expert).weight"] = tensor }
          }
        }
      }
    }

    @Test("heads that do not fit each other are refused with their numbers")
    func heads() async {
      await expectError(["head_count_kv", "0"]) { $0.metadata["llama.attention.head_count_kv"] = .uint32(0) }
      await expectError(["2", "3", "heads"]) { $0.metadata["llama.attention.head_count_kv"] = .uint32(3) }
      await expectError(["4", "3", "heads"]) {
        $0.metadata["llama.attention.head_count"] = .uint32(4)
        $0.metadata["llama.attention.head_count_kv"] = .uint32(3)
      }
      await expectError(["16", "32"]) { $0.metadata["llama.attention.head_count"] = .uint32(4) }
      for length in [UInt64(0), 31, 48, 512, 1 << 40, .max] {
        await expectError([]) { $0.metadata["llama.attention.key_length"] = .uint64(length) }
        await expectError([]) { $0.metadata["llama.rope.dimension_count"] = .uint64(length) }
      }
      await expectError(["64", "32"]) { $0.metadata["llama.attention.value_length"] = .uint32(64) }
    }

    @Test("rotary scalings that make no sense are refused")
    func scaling() async {
      func scaled(_ type: String, _ factor: Float) -> (inout GGUFWriter) -> Void {
        {
          $0.metadata["llama.rope.scaling.type"] = .string(type)
          $0.metadata["llama.rope.scaling.factor"] = .float32(factor)
        }
      }
      await expectError(["longrope", "linear"], change: scaled("longrope", 2))
      for factor in [Float(0), -1, .nan] {
        await expectError([], change: scaled("linear", factor))
        await expectError([], change: scaled("yarn", factor))
      }
      await expectError(["frequency"]) {
        $0.tensors["rope_freqs.weight"] = .f32([8], Array(repeating: 1, count: 8))
      }
    }

    @Test("a sliding window of any size loads, and one larger than the context hides nothing")
    func window() async throws {
      let tokens = SyntheticModel.ids(60)
      let whole = try await SyntheticModel.llama.load().allLogits(tokens)
      for window in [UInt64(60), 1 << 31, 1 << 33, UInt64(Int64.max)] {
        let model = try await SyntheticModel.llama.load {
          $0.metadata["llama.attention.sliding_window"] = .uint64(window)
        }
        #expect(try await model.allLogits(tokens) == whole, "\(window)")
      }
    }

    @Test("a context that does not fit is refused with the numbers and the remedy")
    func context() async {
      var options = LoadOptions()
      options.contextLength = 1 << 29
      await expectError(["536870912 tokens", "--context", "GiB"], .llama, options) {
        $0.metadata["llama.context_length"] = .uint32(1 << 30)
      }
      options.contextLength = 2049
      await expectError(["2049", "2048"], .llama, options) { _ in }
      for length in [0, -1, .min, .max] {
        options.contextLength = length
        await expectError(["\(length)"], .llama, options) { _ in }
      }
      options = LoadOptions()
      options.memoryBudget = 1000
      await expectError(["together"], .llama, options) { _ in }
      options = LoadOptions()
      for chunk in [0, -1, .max] {
        options.chunkSize = chunk
        await expectError(["\(chunk)"], .llama, options) { _ in }
      }
    }

    @Test(
      "special tokens outside the vocabulary are noted and ignored", arguments: ["bos", "eot", "unknown", "padding"])
    func specialTokens(name: String) async throws {
      let prompt = SyntheticModel.ids(4)
      let expected = try await SyntheticModel.llama.load().run(prompt).tokens
      let language = try await SyntheticModel.llama.load {
        $0.metadata["tokenizer.ggml.\(name)_token_id"] = .uint32(.max)
      }
      let notes = try language.tokenizer.notes
      #expect(notes.contains { $0.contains("\(UInt32.max)") })
      #expect(try await language.run(prompt).tokens == expected)
    }

    @Test("vocabularies that do not fit the embedding are refused with both numbers")
    func vocabulary() async {
      let tokens = SyntheticModel.tokens
      let more = tokens + ["one more"]
      await expectError(["\(more.count)", "\(tokens.count)"]) {
        $0.metadata["tokenizer.ggml.tokens"] = .strings(more)
        $0.metadata["tokenizer.ggml.token_type"] = .int32s(more.indices.map { $0 < 256 ? 1 : 3 })
        $0.metadata["tokenizer.ggml.eos_token_id"] = .uint32(256)
      }
      await expectError(["\(tokens.count)"]) { $0.metadata["tokenizer.ggml.token_type"] = .int32s([1, 1]) }
      await expectError([]) { $0.metadata["tokenizer.ggml.tokens"] = .strings([]) }
      await expectError(["tokenizer.ggml.tokens"]) { $0.metadata["tokenizer.ggml.tokens"] = nil }
      await expectError(["tokenizer.ggml.tokens"]) { $0.metadata["tokenizer.ggml.tokens"] = .uint32(1) }
      await expectError(["wordpiece"]) { $0.metadata["tokenizer.ggml.model"] = .string("wordpiece") }
    }

    @Test("Gemma 3 without a query norm is an error")
    func gemma() async {
      await expectError(["attn_q_norm"], .gemma3) { $0.tensors["blk.3.attn_q_norm.weight"] = nil }
    }

    @Test("an unknown device is an error that lists the devices")
    func device() async {
      var options = LoadOptions()
      for name in ["no such device", "99", "-1", "9999999999999999999999"] {
        options.device = name
        await expectError([name, "0: "], .llama, options) { _ in }
      }
    }

    @Test("two sequences fit at once where that was asked for")
    func sequences() async throws {
      var options = LoadOptions()
      options.contextLength = 128
      options.sequenceCount = 2
      let language = try await SyntheticModel.llama.load(options)
      let prompt = SyntheticModel.ids(100)
      let alone = try await language.run(prompt).tokens
      async let first = language.run(prompt).tokens
      async let second = language.run(prompt).tokens
      #expect(try await [first, second] == [alone, alone])
    }
  }
}
