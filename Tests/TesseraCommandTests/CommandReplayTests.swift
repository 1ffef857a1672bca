import Foundation
import Tessera
import TestSupport
import Testing

@testable import TesseraCommand

@Suite(
  "tessera replay", .serialized, .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandReplayTests {
  private let model = SyntheticModel.llama

  /// A document of an answer, and what it reproduces.
  private func answer(_ path: String, _ arguments: [String] = []) throws -> (
    document: [String: Any], told: [String: Any]
  ) {
    let run = try CommandRun(
      ["generate", "-m", path, "-p", "abc", "--raw", "-n", "6", "--json", "--reproduce"] + arguments)
    #expect(run.status == 0, "\(run.errors)")
    let document = try run.object()
    return (document, try #require(document["reproduce"] as? [String: Any]))
  }

  private func text(_ value: Any) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
  }

  @Test(
    "an answer comes again to the bit, whatever was asked",
    arguments: [
      [], ["--temperature", "1.3", "--top-p", "0.9"], ["--temperature", "1", "--seed", "18446744073709551615"],
      ["--kv", "f16,q8_0", "--context", "512"], ["--repeat-penalty", "1.5", "--stop", "zzz", "--logprobs", "2"],
    ])
  func same(_ arguments: [String]) throws {
    try model.withFile { path in
      let (document, told) = try answer(path, arguments)
      #expect((told["answer"] as? [String: Any])?["tokens"] as? [Int] == document["tokens"] as? [Int])
      let input = try text(document)
      let run = try CommandRun(["replay", "-m", path, "-"], input: input)
      #expect(run.status == 0 && run.output.hasPrefix("the same "), "\(run.errors)")
      #expect(run.output.contains("the same bits"))
      let json = try CommandRun(["replay", "-m", path, "-", "--json"], input: input).object()
      #expect(json["same"] as? Bool == true && json["compares_bits"] as? Bool == true)
      #expect(json["tokens"] as? [Int] == document["tokens"] as? [Int] && json["first_difference"] == nil)
    }
  }

  @Test("another token, other bits, another end, another model: each is told and is exit status 1")
  func differences() throws {
    try model.withFile { path in
      let told = try answer(path).told
      let known = try #require(told["answer"] as? [String: Any])
      let (tokens, bits) = (
        try #require(known["tokens"] as? [Int]), try #require(known["logprob_bits"] as? [Int])
      )
      func replay(_ changes: [String: Any], _ path: String = path) throws -> CommandRun {
        let reproduce = told.merging(["answer": known.merging(changes) { $1 }]) { $1 }
        return try CommandRun(["replay", "-m", path, "-"], input: text(["reproduce": reproduce]))
      }
      #expect(try replay([:]).status == 0)
      var others = tokens
      others[2] ^= 1
      let token = try replay(["tokens": others])
      #expect(
        token.isOneError && token.errors.contains("token 2 is \(tokens[2]) and was \(others[2])"), "\(token.errors)")
      var otherBits = bits
      otherBits[1] ^= 1
      let bit = try replay(["logprob_bits": otherBits])
      #expect(bit.isOneError && bit.errors.contains("token 1, whose log-probability has other bits"), "\(bit.errors)")
      let end = try replay(["tokens": tokens + [1], "logprob_bits": bits + [0]])
      #expect(end.isOneError && end.errors.contains("token 6 is the end and was 1"), "\(end.errors)")
      let reason = try replay(["finish_reason": "stop"])
      #expect(
        known["finish_reason"] as? String == "length" && reason.isOneError
          && reason.errors.contains("another reason: it is length and was stop"), "\(reason.errors)")
      let untold = try replay(["logprob_bits": [Int]()])
      #expect(untold.status == 0 && !untold.output.contains("bits"), "\(untold.errors)")
      // An answer that was stopped is compared as far as it came.
      let stopped = try replay(
        ["tokens": Array(tokens[..<3]), "logprob_bits": Array(bits[..<3]), "finish_reason": "cancelled"])
      #expect(stopped.status == 0 && stopped.output.hasPrefix("the same 3 tokens"), "\(stopped.errors)")
      try SyntheticModel.gemma3.withFile { other in
        let run = try replay([:], other)
        #expect(run.isOneError && run.errors.contains("not the model that gave the answer"), "\(run.errors)")
      }
    }
  }

  @Test("all choices of a server's answer come again, also of one that was streamed; one that is another is told apart")
  func choices() throws {
    try model.withFile { path in
      let told = try [1, 2].map { try answer(path, ["--temperature", "1", "--seed", "\($0)"]).told }
      var other = told[1]
      var known = try #require(other["answer"] as? [String: Any])
      var tokens = try #require(known["tokens"] as? [Int])
      tokens[3] ^= 1
      known["tokens"] = tokens
      other["answer"] = known
      func replay(_ documents: [Any], _ more: [String] = []) throws -> CommandRun {
        let choices = documents.enumerated().map { ["index": $0, "reproduce": $1] as [String: Any] }
        let whole = try text(["object": "text_completion", "choices": choices])
        let parts = try choices.reversed().map { try "data: " + text(["choices": [$0]]) + "\n\n" }.joined()
        let run = try CommandRun(["replay", "-m", path, "-"] + more, input: whole)
        let streamed = try CommandRun(["replay", "-m", path, "-"] + more, input: parts + "data: [DONE]\n\n")
        #expect(run.status == streamed.status && run.output == streamed.output)
        return run
      }
      let same = try replay(told)
      let words = "the same 6 tokens, and the same bits of their log-probabilities\n"
      #expect(same.status == 0 && same.output == "choice 0: \(words)choice 1: \(words)", "\(same.errors)")
      let one = try replay([told[0], other])
      #expect(one.isOneError && one.output == "choice 0: \(words)", "\(one.errors)")
      #expect(one.errors.contains("choice 1: the answer is another: token 3 is \(tokens[3] ^ 1) and was \(tokens[3])"))
      let json = try replay([told[0], other], ["--json"]).object()
      #expect(json["same"] as? Bool == false)
      #expect((json["choices"] as? [[String: Any]])?.map { $0["same"] as? Bool } == [true, false])
      let mixed = try replay([told[0], told[1].merging(["context": 9]) { $1 }])
      #expect(mixed.isOneError && mixed.errors.contains("not all of one model"), "\(mixed.errors)")
      // The last event of a streamed response.
      let event = try "event: response.completed\ndata: " + text(["response": ["reproduce": told[0]]]) + "\n\n"
      let response = try CommandRun(["replay", "-m", path, "-"], input: event)
      #expect(response.output == words, "\(response.errors)")
    }
  }

  @Test("an answer of an adapter comes again with that adapter alone, at its scale")
  func adapters() throws {
    let folder = FamilyFixture("llama3").folder
    func adapter(_ name: String) -> String { FamilyFixture("../adapters/\(name)").folder }
    let tokens = ["-m", folder, "--tokens", "43,12,7,33,3,3,21", "-n", "3"]
    let document = try CommandRun(
      ["generate", "--json", "--reproduce", "--lora", "a=\(adapter("llama3-all")):0.5"] + tokens
    ).object()
    let told = try #require(document["reproduce"] as? [String: Any])
    func replay(_ told: [String: Any], _ lora: [String]) throws -> CommandRun {
      try CommandRun(
        ["replay", "-m", folder, "-"] + lora.flatMap { ["--lora", $0] }, input: text(["reproduce": told]))
    }
    let (all, some) = (adapter("llama3-all"), adapter("llama3-some"))
    let same = try replay(told, ["b=\(some)", "a=\(all):0.5"])
    #expect(same.status == 0 && same.output.contains("the same bits"), "\(same.errors)")
    for (told, lora, reason) in [
      (told, [], "of the adapter a"), (told, ["b=\(all):0.5"], "of the adapter a"),
      (told, ["a=\(some):0.5"], "not the adapter"), (told, ["a=\(all)"], "scale is 1.0, and was 0.5"),
      (told.filter { $0.key != "adapter" }, ["a=\(all):0.5"], "does not tell the contents"),
    ] as [([String: Any], [String], String)] {
      let run = try replay(told, lora)
      #expect(run.isOneError && run.errors.contains(reason), "\(reason): \(run.errors)")
    }
  }

  @Test("an answer from among tokens that are not told cannot be reproduced, and says so")
  func allowedTokens() throws {
    var options = GenerationOptions()
    _ = try Reproduction.Request(promptTokens: [1], sourceTokens: nil, options: options)
    options.allowedTokens = [1, 2]
    #expect(throws: TesseraError.self) {
      try Reproduction.Request(promptTokens: [1], sourceTokens: nil, options: options)
    }
  }

  @Test("what is no such document is one line of error")
  func badDocuments() throws {
    try model.withFile { path in
      let told = try answer(path).told
      for (document, reason) in [
        ("{}", "does not tell"), ("[]", "no document"), ("{\"reproduce\": 1}", "reproduce"), ("", "no document"),
        (try text(["reproduce": told.filter { $0.key != "request" }]), "request"),
        (try text(["reproduce": told.merging(["kv": "f8"]) { $1 }]), "f8 is not known"),
        (try text(["reproduce": told.merging(["type": "Q9"]) { $1 }]), "Q9 is not known"),
        (try text(["reproduce": told.merging(["precision": "vague"]) { $1 }]), "precision"),
      ] {
        let run = try CommandRun(["replay", "-m", path, "-"], input: document)
        #expect(run.isOneError && run.errors.contains(reason), "\(reason): \(run.errors)")
      }
      for arguments in [["--reproduce"], ["--reproduce", "--json", "--beams", "2"]] {
        #expect(try CommandRun(["generate", "-m", path, "-p", "a"] + arguments).status == 64)
      }
    }
  }
}
