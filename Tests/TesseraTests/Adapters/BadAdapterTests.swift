import Foundation
import TesseraFiles
import TesseraMemory
import TestSupport
import Testing

@testable import TesseraModels

extension FamilySuites {
  @Suite("Damaged adapters, and kinds that are not computed")
  struct BadAdapterTests {
    /// A copy of a folder of PEFT's, changed.
    ///
    /// - Parameter header: changes the entries of the tensors.
    private func layout(
      config change: [String: Any] = [:], header: ([String: [String: Any]]) -> [String: [String: Any]] = { $0 },
      model: String = "llama3"
    ) throws {
      try withTemporaryFolder { copy in
        let original = URL(fileURLWithPath: try FamilyFixture.path("adapters/llama3-all"))
        let text = try Data(contentsOf: original.appendingPathComponent("adapter_config.json"))
        let config = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        try JSONSerialization.data(withJSONObject: config.merging(change) { $1 })
          .write(to: copy.appendingPathComponent("adapter_config.json"))
        let weights = try Data(contentsOf: original.appendingPathComponent("adapter_model.safetensors"))
        let length = (0..<8).reduce(0) { $0 | Int(weights[$1]) << (8 * $1) }
        var entries = try #require(
          try JSONSerialization.jsonObject(with: weights[8..<8 + length]) as? [String: [String: Any]])
        entries["__metadata__"] = nil
        entries = header(entries)
        let names = try JSONSerialization.data(withJSONObject: entries)
        var file = Data((0..<8).map { UInt8(truncatingIfNeeded: names.count >> (8 * $0)) })
        file += names + (entries.isEmpty ? Data() : weights[(8 + length)...])
        try file.write(to: copy.appendingPathComponent("adapter_model.safetensors"))
        try plan(Adapter(path: copy.path), model: "\(FamilyFixture.path("families/\(model)"))")
      }
    }

    private func plan(_ adapters: Adapter..., model: String) throws {
      var options = ModelRunner.Options()
      options.adapters = adapters
      let limits = DeviceLimits(
        name: "any", isCPU: true, vectorWidth: 8, localMemoryBytes: 1 << 16, maxWorkGroupSize: 256,
        globalMemoryBytes: 1 << 34, maxAllocationBytes: 1 << 32, baseAddressAlignment: 64)
      _ = try ModelLayout(openCheckpoint(path: model), limits: limits, options: options)
    }

    private func expect(
      _ words: String..., sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) {
      let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try body() }
      let message = "\(error.map { "\($0)" } ?? "")"
      for word in words { #expect(message.contains(word), "\(message)", sourceLocation: sourceLocation) }
    }

    @Test("a folder that says nothing else is taken")
    func unchanged() throws { try layout() }

    @Test("what the configuration asks for, and nothing here does, is named")
    func config() {
      expect("DORA") { try layout(config: ["peft_type": "DORA"]) }
      expect("use_dora") { try layout(config: ["use_dora": true]) }
      expect("bias \"all\"") { try layout(config: ["bias": "all"]) }
      expect("modules_to_save") { try layout(config: ["modules_to_save": ["lm_head"]]) }
      expect("layer_replication") { try layout(config: ["layer_replication": [[0, 1]]]) }
      expect("of_next_year") { try layout(config: ["of_next_year": ["a": 1]]) }
      expect("pissa_niter_4") { try layout(config: ["init_lora_weights": "pissa_niter_4"]) }
      expect(".*mlp.*") { try layout(config: ["alpha_pattern": [".*mlp.*": 2]]) }
      expect("rank 4", "8") { try layout(config: ["rank_pattern": ["q_proj": 8]]) }
      expect("key 'r'") { try layout(config: ["r": NSNull()]) }
      expect("lora_alpha") { try layout(config: ["lora_alpha": "many"]) }
      expect("scale") { try layout(config: ["lora_alpha": 1e300]) }
    }

    private let q = "base_model.model.model.layers.0.self_attn.q_proj"

    @Test("tensors that are missing, unknown, of another model or of no matrix are named")
    func tensors() {
      func renamed(_ old: String, _ new: String) -> ([String: [String: Any]]) -> [String: [String: Any]] {
        { Dictionary(uniqueKeysWithValues: $0.map { ($0.key == old ? new : $0.key, $0.value) }) }
      }
      expect("q_proj.lora_A2", "A and no B") {
        try layout(header: renamed("\(q).lora_A.weight", "\(q).lora_A2.lora_A.weight"))
      }
      expect("magnitude") { try layout(header: renamed("\(q).lora_A.weight", "\(q).lora_magnitude_vector.weight")) }
      expect("A [2, 2, 32]") {
        try layout { entries in
          var entries = entries
          entries["\(q).lora_A.weight"]?["shape"] = [2, 2, 32]
          return entries
        }
      }
      expect("A [8, 16]") {
        try layout { entries in
          var entries = entries
          entries["\(q).lora_A.weight"]?["shape"] = [8, 16]
          return entries
        }
      }
      for module in [
        "lm_head", "model.embed_tokens", "model.layers.7.self_attn.q_proj", "model.layers.0.mlp.experts.0.w1",
      ] {
        expect(module, "embeddings, heads, experts") {
          try layout { entries in
            Dictionary(
              uniqueKeysWithValues: entries.map {
                ($0.key.replacingOccurrences(of: "\(q).", with: "base_model.model.\(module)."), $0.value)
              })
          }
        }
      }
      expect("no tensors") { try layout { _ in [:] } }
      expect("q_proj", "(96, 96)") { try layout(model: "qwen2-tied") }
    }

    @Test("GGUF files that are no adapter, or another architecture's, and two of one name")
    func files() throws {
      let folder = try FamilyFixture.path("adapters/llama3-all")
      let path = "\(folder)/adapter.gguf"
      expect("llama", "qwen2") { try plan(Adapter(path: path), model: FamilyFixture.path("families/qwen2-tied")) }
      expect("general.type") { _ = try Adapter(path: FamilyFixture.path("families/llama3/model.gguf")) }
      expect("adapter_config.json") { _ = try Adapter(path: FamilyFixture.path("families/llama3")) }
      expect("two adapters") {
        let adapter = try Adapter(path: folder, name: "a")
        try plan(adapter, adapter, model: FamilyFixture.path("families/llama3"))
      }
      expect("scale") { _ = try Adapter(path: folder, scale: .infinity) }
      #expect(Adapter.isThere(path) && Adapter.isThere(folder) && !Adapter.isThere("\(folder)/reference.json"))
      #expect(try !Adapter.isThere(FamilyFixture.path("families/llama3/model.gguf")))
      // A file of which keys or bytes are missing.
      try withTemporaryFolder { place in
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let copy = place.appendingPathComponent("adapter.gguf")
        for (old, new, word) in [("adapter.lora.alpha", "adapter.lora.beta_", "alpha"), ("lora_a", "lora_c", "lora_c")]
        {
          var bytes = data
          while let range = bytes.range(of: Data(old.utf8)) { bytes.replaceSubrange(range, with: Data(new.utf8)) }
          try bytes.write(to: copy)
          expect(word) { _ = try Adapter(path: copy.path) }
        }
        try data.prefix(data.count / 2).write(to: copy)
        #expect(throws: FileError.self) { try Adapter(path: copy.path) }
      }
    }
  }
}
