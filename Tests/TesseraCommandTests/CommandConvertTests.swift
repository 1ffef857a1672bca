import Foundation
import TestSupport
import Testing

@Suite(
  "The tessera command's conversions", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandConvertTests {
  /// Converts a folder, and calls `body` with the file's path.
  private func withConverted(_ fixture: FamilyFixture, _ options: [String] = [], _ body: (String) throws -> Void) throws
  {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("\(fixture).gguf").path
      let run = try CommandRun(["convert", fixture.folder, path, "--json"] + options)
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      let document = try run.object()
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      #expect(document["output"] as? String == path && document["bytes"] as? Int == size)
      #expect((document["tensors"] as? Int ?? 0) > 5)
      try body(path)
    }
  }

  private let tokens = ["--tokens", "43,12,7,80,3,3,21"]

  @Test(
    "a folder and the file made of it give the same bits",
    arguments: ["qwen2-tied", "qwen2-untied", "gpt2-plain-names"].map { FamilyFixture($0) })
  func same(fixture: FamilyFixture) throws {
    try withConverted(fixture) { path in
      let folder = try CommandRun.array(["logits", "-m", fixture.folder] + tokens).values
      #expect(try CommandRun.array(["logits", "-m", path] + tokens).values == folder)
    }
  }

  @Test("heads that are interleaved in the file, and experts that are one tensor there, are the same model")
  func experts() throws {
    for fixture in ["mixtral", "qwen2-moe", "granite-moe-shared"].map({ FamilyFixture($0) }) {
      try withConverted(fixture) { path in
        let folder = try CommandRun.array(["logits", "-m", fixture.folder] + tokens).values
        // Heads' products are summed in another order.
        #expect(largestDifference(try CommandRun.array(["logits", "-m", path] + tokens).values, folder) < 1e-4)
      }
    }
  }

  @Test(
    "encoders whose names, positions and heads are others in the file give the same bits",
    arguments: ["roberta", "xlm-roberta", "distilbert", "modernbert", "nomic-bert", "jina-bert"].map {
      FamilyFixture($0)
    })
  func otherEncoders(fixture: FamilyFixture) throws {
    try withConverted(fixture) { path in
      let hidden = ["hidden"] + tokens
      let folder = try CommandRun.array(hidden + ["-m", fixture.folder]).values
      #expect(try CommandRun.array(hidden + ["-m", path]).values == folder)
      guard ["xlm-roberta", "distilbert", "modernbert"].contains(fixture.name) else { return }
      let classify = ["classify", "--json"] + tokens
      let labels = try CommandRun(classify + ["-m", fixture.folder]).output
      #expect(try CommandRun(classify + ["-m", path]).output == labels && labels.contains("logit"))
    }
  }

  @Test("encoders that the file cannot express are refused")
  func inexpressibleEncoders() throws {
    try withTemporaryFolder { folder in
      for name in ["mpnet", "electra", "albert", "bert-pairs", "bert-tokens", "nomic-bert-new"] {
        let path = folder.appendingPathComponent("\(name).gguf").path
        let run = try CommandRun(["convert", FamilyFixture(name).folder, path])
        #expect(run.isOneError && run.errors.contains("GGUF"), "\(name): \(run.status) \(run.errors)")
      }
    }
  }

  @Test("encoders are converted, and encoder-decoders")
  func encoders() throws {
    let (bert, t5) = (FamilyFixture("bert"), FamilyFixture("t5-gated"))
    try withConverted(bert) { path in
      let hidden = ["--tokens", "38,95,70"]
      let expected = try CommandRun.array(["hidden", "-m", bert.folder] + hidden).values
      #expect(try CommandRun.array(["hidden", "-m", path] + hidden).values == expected)
      let embed = ["--tokens", "38,95,70", "--json"]
      let vectors = try CommandRun(["embed", "-m", path] + embed).output
      #expect(try CommandRun(["embed", "-m", bert.folder] + embed).output == vectors)
    }
    try withConverted(t5) { path in
      let logits = ["--tokens", "0,64,93", "--source-tokens", "69,7,94"]
      let expected = try CommandRun.array(["logits", "-m", t5.folder] + logits).values
      #expect(try CommandRun.array(["logits", "-m", path] + logits).values == expected)
    }
  }

  @Test("weights that are quantized as they load are those of a converted file", arguments: ["q8_0", "q4_0", "f16"])
  func types(type: String) throws {
    let fixture = FamilyFixture("qwen2-untied")
    try withConverted(fixture, ["--type", type]) { path in
      let loaded = try CommandRun.array(["logits", "-m", fixture.folder, "--type", type] + tokens).values
      #expect(try CommandRun.array(["logits", "-m", path] + tokens).values == loaded)
      #expect(loaded != (try CommandRun.array(["logits", "-m", fixture.folder] + tokens).values))
      let tensors = try #require(try CommandRun(["inspect", path, "--json"]).object()["tensors"] as? [[String: Any]])
      let query = tensors.first { $0["name"] as? String == "blk.0.attn_q.weight" }
      #expect(query?["type"] as? String == type.uppercased())
    }
  }

  @Test("a tokenizer goes with its model: ids are the folder's, rows without a token are padded, notes are told")
  func tokenizer() throws {
    try FamilyFixture("bert").withWords { folder in
      try withTemporaryFolder { place in
        let path = place.appendingPathComponent("out.gguf").path
        let run = try CommandRun(["convert", folder, path, "--json"])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        let notes = try #require(try run.object()["notes"] as? [String])
        #expect(notes.count == 1 && notes[0].contains("100 characters"), "\(notes)")
        #expect(try CommandRun(["convert", folder, path, "-q"]).errors == "note: \(notes[0])\n")
        let text = "Go going, gone! [SEP] [PAD20] \u{E9}"
        let ids = try CommandRun(["tokenize", "-m", folder, text, "-q"]).output
        #expect(ids.split(separator: ",").count > 8)
        #expect(try CommandRun(["tokenize", "-m", path, text, "-q"]).output == ids)
        let embed = ["embed", "-m", path, "--json", text]
        #expect(try CommandRun(embed).output == CommandRun(["embed", "-m", folder, "--json", text]).output)
        let tokens = try CommandRun(["tokenize", "-m", path, "--decode", "99", "--json"]).object()
        #expect(tokens["pieces"] as? [String] == [""])
        #expect(try CommandRun(["tokenize", "-m", path, "--decode", "100"]).isOneError)
      }
    }
    try withTemporaryFolder { place in
      let path = place.appendingPathComponent("out.gguf").path
      let document = try CommandRun(["convert", FamilyFixture("bert").folder, path, "--json"]).object()
      #expect((document["notes"] as? [String])?.first?.contains("no tokenizer.json") == true)
    }
  }

  @Test("a tokenizer.json whose ids overflow is one line of error")
  func overflow() throws {
    try FamilyFixture("bert").withWords { folder in
      let path = folder + "/tokenizer.json"
      for id in ["9223372036854775807", "-9223372036854775808", "67108864"] {
        let text = #"{"model": {"type": "WordPiece", "vocab": {"a": \#(id)}}}"#
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let run = try CommandRun(["convert", folder, folder + "/out.gguf"])
        #expect(run.isOneError && run.errors.contains("tokenizer.json"), "\(run.status) \(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/out.gguf"))
      }
    }
  }

  @Test("a device is needed to quantize alone")
  func noDevice() throws {
    try withTemporaryFolder { place in
      let path = place.appendingPathComponent("out.gguf").path
      for name in ["bert", "gpt2", "mixtral"] {
        let copy = ["convert", FamilyFixture(name).folder, path]
        let run = try CommandRun(copy, environment: ["TESSERA_DEVICE": "none"])
        #expect(run.status == 0, "\(name): \(run.errors)")
        #expect(try CommandRun(copy + ["--type", "q8_0"], environment: ["TESSERA_DEVICE": "none"]).isOneError)
      }
    }
  }

  @Test("blocks of 256 that are quantized as they load are those of a converted file", arguments: ["q4_k", "q6_k"])
  func largeBlocks(type: String) throws {
    try withTemporaryFolder { folder in
      let (input, output) = (folder.appendingPathComponent("in.gguf"), folder.appendingPathComponent("out.gguf"))
      try Self.wideModel.write(to: input)
      let run = try CommandRun(["convert", input.path, output.path, "--type", type, "-q"])
      #expect(run.status == 0, "\(run.errors)")
      let ids = ["--tokens", "3,1,4,1,5"]
      let loaded = try CommandRun.array(["logits", "-m", input.path, "--type", type] + ids).values
      #expect(try CommandRun.array(["logits", "-m", output.path] + ids).values == loaded)
      #expect(loaded != (try CommandRun.array(["logits", "-m", input.path] + ids).values))
      let tensors = try CommandRun(["inspect", output.path, "--json"]).object()["tensors"] as? [[String: Any]]
      let names = tensors?.filter { $0["type"] as? String == type.uppercased() }.compactMap { $0["name"] as? String }
      #expect(names?.contains("blk.0.ffn_down.weight") == true, "\(names ?? [])")
    }
  }

  /// A layer of Llama's kind in float32 whose rows have 256 elements.
  private static var wideModel: GGUFWriter {
    var writer = GGUFWriter()
    writer.metadata = [
      "general.architecture": .string("llama"), "llama.block_count": .uint32(1), "llama.context_length": .uint32(64),
      "llama.embedding_length": .uint32(256), "llama.feed_forward_length": .uint32(256),
      "llama.attention.head_count": .uint32(4), "llama.attention.layer_norm_rms_epsilon": .float32(1e-5),
      "tokenizer.ggml.model": .string("no_vocab"),
    ]
    for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
      writer.tensors["blk.0.\(name).weight"] = .f32(
        [256, 256], SyntheticModel.values(65536 + name.utf8.count).suffix(65536))
    }
    writer.tensors["token_embd.weight"] = .f32([256, 8], SyntheticModel.values(2048))
    for name in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"] {
      writer.tensors["\(name).weight"] = .f32([256], Array(repeating: 1, count: 256))
    }
    return writer
  }

  @Test("what a GGUF file cannot say is an error, and nothing is written")
  func inexpressible() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("out.gguf").path
      // Its relative positions end at 20.
      let run = try CommandRun(["convert", FamilyFixture("t5").folder, path])
      #expect(run.isOneError && run.errors.contains("relative_attention_max_distance"), "\(run.errors)")
      #expect(!FileManager.default.fileExists(atPath: path))
    }
    #expect(try CommandRun(["convert", "x", "y", "--type", "iq1_s"]).status == 64)
    #expect(try CommandRun(["logits", "-m", "x", "--tokens", "1", "-o", "y", "--type", "iq1_s"]).status == 64)
  }
}
