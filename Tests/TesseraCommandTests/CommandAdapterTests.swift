import Foundation
import TestSupport
import Testing

@testable import TesseraCommand

@Suite(
  "The tessera command's adapters", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandAdapterTests {
  private let model = FamilyFixture("llama3").folder
  private func adapter(_ name: String) -> String { FamilyFixture("../adapters/\(name)").folder }
  private let tokens = ["--tokens", "43,12,7,33,3,3,21"]

  @Test("an adapter is used as it is named, scaled, left out, merged and described")
  func all() throws {
    func logits(_ options: [String], _ model: String? = nil) throws -> [Float] {
      try CommandRun.array(["logits", "-m", model ?? self.model] + tokens + options).values
    }
    let (all, some) = (adapter("llama3-all"), adapter("llama3-some"))
    let plain = try logits([])
    let first = try logits(["--lora", all])
    #expect(largestDifference(first, plain) > 0.1)
    #expect(try logits(["--lora", "b=\(some)", "--lora", "a=\(all):1", "--adapter", "a"]) == first)
    #expect(try logits(["--lora", all, "--adapter", "none"]) == plain)
    #expect(try logits(["--lora", "\(all):0"]) == plain)
    #expect(largestDifference(try logits(["--lora", "\(all)/adapter.gguf"]), first) < 1e-4)
    try withTemporaryFolder { folder in
      let merged = folder.appendingPathComponent("merged.gguf").path
      let run = try CommandRun(["convert", model, merged, "-q", "--lora", "\(all):0.5"])
      let (inside, beside) = (try logits([], merged), try logits(["--lora", "\(all):0.5"]))
      #expect(run.status == 0 && largestDifference(inside, beside) < 1e-4)
    }
    let description = try CommandRun(["inspect", some, "--json"]).object()
    #expect(description["ranks"] as? [Int] == [3, 6] && description["base"] as? String == "llama3")
    #expect(description["targets"] as? [String] == ["down_proj", "q_proj", "v_proj"])
    #expect(try CommandRun(["inspect", "\(all)/adapter.gguf"]).output.contains("rank: 4"))
  }

  @Test("what is wrong with an adapter's name or files is said in one line")
  func wrong() throws {
    for (options, status, words) in [
      (["--lora", adapter("llama3-all"), "--adapter", "other"], 64, ["other", "llama3-all"]),
      (["--lora", "none=\(adapter("llama3-all"))"], 64, ["none", "NAME=PATH"]),
      (["--lora", "/does/not/exist"], 1, ["/does/not/exist"]),
      (["--lora", adapter("qwen2-tied-all")], 1, ["q_proj", "(96, 96)"]),
      (["--lora", model], 1, ["adapter_config.json"]),
    ] as [([String], Int32, [String])] {
      let run = try CommandRun(["generate", "-m", model, "-n", "1"] + tokens + options)
      #expect(run.status == status && words.allSatisfy { run.errors.contains($0) }, "\(run.status) \(run.errors)")
    }
    let run = try CommandRun(["generate", "-m", adapter("llama3-all"), "-n", "1"] + tokens)
    #expect(run.status == 1 && run.errors.contains("--lora"), "\(run.errors)")
  }

  @Test("names and scales are told from paths")
  func arguments() throws {
    func parsed(_ text: String) -> [String]? {
      AdapterArgument(argument: text).map { [$0.value.name, $0.value.path, "\($0.value.scale)"] }
    }
    #expect(parsed("dir/one") == ["one", "dir/one", "1.0"])
    #expect(parsed("dir/one/:0.5") == ["one", "dir/one", "0.5"])
    #expect(parsed("x=one:-2") == ["x", "one", "-2.0"])
    #expect(parsed("a/b=c") == ["b=c", "a/b=c", "1.0"])
    #expect(parsed("one:two") == nil && parsed("") == nil && parsed("one:nan") == nil)
  }
}
