import Foundation

/// A tiny model with random weights and a vocabulary of bytes, so that the engine is tested without any download.
///
/// 64 dimensions, two heads of 32 over one key-value head, 128 in between; two layers of Llama's kind, or six of
/// Gemma 3's, of which the last sees all keys.
package struct SyntheticModel: Sendable, CustomStringConvertible {
  package enum Architecture: String, Sendable, CaseIterable {
    case llama, gemma3
  }

  package let architecture: Architecture
  /// Matrices have 4 bits (Q4_0) in the place of 8 (Q8_0).
  package var hasFourBits = false
  package var description: String { architecture.rawValue + (hasFourBits ? ", 4 bits" : "") }

  package static let all = Architecture.allCases.map { SyntheticModel(architecture: $0) }
  /// In both sizes of weights, of which a device may have fast products of one alone.
  package static let allSizes = all.flatMap { model in
    [false, true].map { SyntheticModel(architecture: model.architecture, hasFourBits: $0) }
  }
  package static let llama = SyntheticModel(architecture: .llama)
  package static let gemma3 = SyntheticModel(architecture: .gemma3)

  package static let markers = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
  package static let vocabularyCount = 256 + markers.count
  package static let template = """
    {% for message in messages %}<|im_start|>{{ message.role }}
    {{ message.content }}<|im_end|>
    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
    {% endif %}
    """

  /// What is written; change it to make a wrong file.
  package func writer() -> GGUFWriter {
    var writer = GGUFWriter()
    let layerCount = architecture == .llama ? 2 : 6
    func key(_ name: String) -> String { "\(architecture.rawValue).\(name)" }
    writer.metadata = [
      "general.architecture": .string(architecture.rawValue),
      key("block_count"): .uint32(UInt32(layerCount)),
      key("embedding_length"): .uint32(64),
      key("feed_forward_length"): .uint32(128),
      key("attention.head_count"): .uint32(2),
      key("attention.head_count_kv"): .uint32(1),
      key("attention.layer_norm_rms_epsilon"): .float32(1e-5),
      key("context_length"): .uint32(2048),
      "tokenizer.ggml.model": .string("gpt2"),
      "tokenizer.ggml.tokens": .strings(Self.tokens),
      "tokenizer.ggml.token_type": .int32s((0..<Self.vocabularyCount).map { $0 < 256 ? 1 : 3 }),
      "tokenizer.ggml.merges": .strings([]),
      "tokenizer.ggml.bos_token_id": .uint32(256),
      "tokenizer.ggml.eos_token_id": .uint32(258),
      "tokenizer.chat_template": .string(Self.template),
    ]
    var random = SeededNumbers(seed: architecture == .llama ? 1 : 2)
    func values(_ count: Int, around center: Float = 0, _ scale: Float) -> [Float] {
      // The sum of four uniform numbers is close enough to a normal one.
      (0..<count).map { _ in center + scale * Float((0..<4).reduce(0.0) { sum, _ in sum + random.unit() } - 2) }
    }
    func norm(_ name: String, _ size: Int) {
      writer.tensors["\(name).weight"] = .f32([size], values(size, around: 1, 0.1))
    }
    func matrix(_ name: String, _ columns: Int, _ rows: Int, isQuantized: Bool = true) {
      let values = values(columns * rows, 2 / Float(columns).squareRoot())
      let dimensions = [columns, rows]
      writer.tensors["\(name).weight"] =
        !isQuantized ? .f32(dimensions, values) : hasFourBits ? .q4_0(dimensions, values) : .q8_0(dimensions, values)
    }
    matrix("token_embd", 64, Self.vocabularyCount)
    norm("output_norm", 64)
    if architecture == .llama { matrix("output", 64, Self.vocabularyCount, isQuantized: false) }
    for layer in 0..<layerCount {
      let prefix = "blk.\(layer)."
      norm("\(prefix)attn_norm", 64)
      norm("\(prefix)ffn_norm", 64)
      matrix("\(prefix)attn_q", 64, 64)
      matrix("\(prefix)attn_k", 64, 32)
      matrix("\(prefix)attn_v", 64, 32, isQuantized: false)
      matrix("\(prefix)attn_output", 64, 64)
      matrix("\(prefix)ffn_gate", 64, 128)
      matrix("\(prefix)ffn_up", 64, 128)
      matrix("\(prefix)ffn_down", 128, 64)
      guard architecture == .gemma3 else { continue }
      norm("\(prefix)attn_q_norm", 32)
      norm("\(prefix)attn_k_norm", 32)
      norm("\(prefix)post_attention_norm", 64)
      norm("\(prefix)post_ffw_norm", 64)
    }
    if architecture == .gemma3 { writer.metadata[key("attention.sliding_window")] = .uint32(24) }
    return writer
  }

  /// Calls `body` with the path of the model's file, which is removed afterward.
  package func withFile<T>(_ change: (inout GGUFWriter) -> Void = { _ in }, _ body: (String) throws -> T) throws -> T {
    var writer = writer()
    change(&writer)
    return try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("\(architecture).gguf")
      try writer.write(to: url)
      return try body(url.path)
    }
  }

  /// Token ids of a text of so many bytes that repeats nothing.
  package static func ids(_ count: Int, seed: UInt64 = 7) -> [Int] {
    var random = SeededNumbers(seed: seed)
    return (0..<count).map { _ in Int(random.next() % 256) }
  }

  /// Random numbers in ±0.2.
  package static func values(_ count: Int) -> [Float] {
    var random = SeededNumbers(seed: UInt64(count))
    return (0..<count).map { _ in Float(random.unit() - 0.5) * 0.4 }
  }

  /// The byte-level alphabet (Radford et al. 2019): printable bytes are themselves, the others letters from 256 on.
  package static let tokens: [String] = {
    var next: UInt32 = 256
    let letters = (0..<256).map { byte -> String in
      let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      if !isPrintable { next += 1 }
      return Unicode.Scalar(isPrintable ? UInt32(byte) : next - 1).map { String(Character($0)) } ?? ""
    }
    return letters + markers
  }()
}

/// The same numbers for the same seed (xorshift64*, Vigna 2016).
private struct SeededNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return (state &* 0x2545_f491_4f6c_dd1d) >> 16
  }

  /// At least 0 and under 1.
  mutating func unit() -> Double { Double(next()) * 0x1p-48 }
}
