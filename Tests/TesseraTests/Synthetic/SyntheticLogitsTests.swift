import Foundation
import TesseraCL
import TesseraMemory
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("Logits of synthetic models")
  struct SyntheticLogitsTests {
    @Test(
      "every chunk size gives the same bits", arguments: SyntheticModel.all, [KVEncoding.f32, .f16])
    func sameBits(model: SyntheticModel, encoding: TesseraMemory.KVEncoding) async throws {
      var options = LoadOptions()
      (options.keyEncoding, options.valueEncoding) = (encoding, encoding)
      let language = try await model.load(options)
      let tokens = SyntheticModel.ids(300)
      let whole = try await language.allLogits(tokens)
      #expect(whole.count == 300 * SyntheticModel.vocabularyCount && whole.allSatisfy(\.isFinite))
      // Positions differ, or the comparison would show nothing.
      #expect(whole.prefix(SyntheticModel.vocabularyCount) != whole.suffix(SyntheticModel.vocabularyCount))
      for chunk in [1, 7, 64, 512] {
        let logits = try await language.allLogits(tokens, chunk: chunk)
        #expect(logits.map(\.bitPattern) == whole.map(\.bitPattern), "chunk \(chunk)")
      }
    }

    @Test("keys and values are halves on a GPU unless they are asked for otherwise")
    func standardCache() async throws {
      let url = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString).gguf")
      defer { try? FileManager.default.removeItem(at: url) }
      try SyntheticModel.llama.writer().write(to: url)
      let source = try ModelSource(path: url.path)
      var options = LoadOptions()
      func encodings(_ type: DeviceProfile.DeviceType) throws -> [KVEncoding] {
        let runner = try options.runnerOptions(source, on: type)
        return [runner.keys, runner.values]
      }
      #expect(try encodings(.gpu) == [.f16, .f16] && encodings(.cpu) == [.f32, .f32])
      options.keyEncoding = .f32
      #expect(try encodings(.gpu) == [.f32, .f16])
      options.valueEncoding = .q8_0
      #expect(try encodings(.gpu) == [.f32, .q8_0] && encodings(.cpu) == [.f32, .q8_0])
      let language = try await SyntheticModel.llama.load()
      #expect(language.memoryPlan.cacheEncoding == KVEncoding.standard(on: language.device.type).rawValue)
    }

    @Test("heads of any multiple of 16 give the same bits in every chunk and style", arguments: [48, 80])
    func heads(size: Int) async throws {
      let tokens = SyntheticModel.ids(20)
      func logits(_ style: KernelStyle, chunk: Int) async throws -> [UInt32] {
        var options = LoadOptions()
        options.style = style
        let language = try await SyntheticModel.llama.load(options) { writer in
          writer.metadata["llama.attention.key_length"] = .uint32(UInt32(size))
          writer.metadata["llama.attention.value_length"] = .uint32(UInt32(size))
          for name in writer.tensors.keys {
            if name.contains("attn_q") {
              writer.tensors[name] = .f32([64, 2 * size], SyntheticModel.values(128 * size))
            }
            if name.contains("attn_k") || name.contains("attn_v") {
              writer.tensors[name] = .f32([64, size], SyntheticModel.values(64 * size))
            }
            if name.contains("attn_output") {
              writer.tensors[name] = .f32([2 * size, 64], SyntheticModel.values(128 * size))
            }
          }
        }
        return try await language.allLogits(tokens, chunk: chunk).map(\.bitPattern)
      }
      let whole = try await logits(.vector, chunk: 64)
      #expect(whole.allSatisfy { Float(bitPattern: $0).isFinite })
      #expect(try await logits(.vector, chunk: 1) == whole)
      #expect(try await logits(.simt, chunk: 7) == whole)
    }

    @Test("a step's size gives the same bits as a chunk's", arguments: SyntheticModel.all)
    func stepSize(model: SyntheticModel) async throws {
      var options = LoadOptions()
      options.chunkSize = 5
      let tokens = SyntheticModel.ids(40)
      let small = try await model.load(options).allLogits(tokens, chunk: 512)
      let large = try await model.load().allLogits(tokens)
      #expect(small.map(\.bitPattern) == large.map(\.bitPattern))
    }

    @Test("later tokens do not change the logits of earlier ones", arguments: SyntheticModel.all)
    func causal(model: SyntheticModel) async throws {
      let language = try await model.load()
      let tokens = SyntheticModel.ids(50)
      let whole = try await language.allLogits(tokens)
      let part = try await language.allLogits(Array(tokens.prefix(33)))
      #expect(Array(whole.prefix(part.count)) == part)
    }

    @Test("a sliding window forgets what lies before it, in the layers that have one")
    func slidingWindow() async throws {
      // With every layer local, the reach of a position is six windows of 2 tokens.
      let language = try await SyntheticModel.gemma3.load {
        $0.metadata["gemma3.attention.sliding_window"] = .uint32(2)
        $0.metadata["gemma3.block_count"] = .uint32(5)
        $0.tensors = $0.tensors.filter { !$0.key.hasPrefix("blk.5.") }
      }
      let tokens = SyntheticModel.ids(40)
      var others = tokens
      others[3] = (tokens[3] + 1) % 256
      let vocabulary = SyntheticModel.vocabularyCount
      let first = try await language.allLogits(tokens)
      let second = try await language.allLogits(others)
      // Each of five layers reaches one position further back.
      #expect(first[8 * vocabulary..<9 * vocabulary] != second[8 * vocabulary..<9 * vocabulary])
      #expect(first[9 * vocabulary..<10 * vocabulary] == second[9 * vocabulary..<10 * vocabulary])
    }

    @Test("no tokens, ids outside the vocabulary, chunks under 1 and too many tokens are errors")
    func badInput() async throws {
      var options = LoadOptions()
      options.contextLength = 32
      let language = try await SyntheticModel.llama.load(options)
      for tokens in [[], [-1], [SyntheticModel.vocabularyCount], [.max], [.min], SyntheticModel.ids(33)] {
        await #expect(throws: (any Error).self) { try await language.allLogits(tokens) }
      }
      for chunk in [0, -1, .min] {
        await #expect(throws: TesseraError.self) { try await language.allLogits([1, 2], chunk: chunk) }
      }
      // What failed has left nothing behind.
      #expect(try await language.allLogits(SyntheticModel.ids(32)).count == 32 * SyntheticModel.vocabularyCount)
    }
  }
}
