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
  func mixtral() throws {
    let fixture = FamilyFixture("mixtral")
    try withConverted(fixture) { path in
      let folder = try CommandRun.array(["logits", "-m", fixture.folder] + tokens).values
      // Heads' products are summed in another order.
      #expect(largestDifference(try CommandRun.array(["logits", "-m", path] + tokens).values, folder) < 1e-4)
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
