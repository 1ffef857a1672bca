import Testing
import TesseraJSON

@testable import TesseraFiles

@Suite("Hugging Face configurations")
struct HuggingFaceConfigTests {
  @Test("a model's config.json is read with typed access")
  func config() throws {
    let folder = try HuggingFaceCheckpoint(path: fixture("sharded"))
    let config = folder.config
    #expect(try config.string("model_type") == "llama")
    #expect(try config.strings("architectures") == ["LlamaForCausalLM"])
    #expect(try config.int("hidden_size") == 4)
    #expect(try config.double("rms_norm_eps") == 1e-5)
    #expect(try config.int("rope_theta") == 10_000)
    #expect(try config.bool("tie_word_embeddings"))
    #expect(try config.ints("eos_token_id") == [1, 2])
    #expect(try config.optionalFields("rope_scaling") == nil)
    #expect(try config.array("limits") == [.double(0), .double(.infinity)])
    #expect(try config.fields("text_config").int("head_dim") == 2)
    expectJSONError(.missingKey, "'text_config.absent'") { _ = try config.fields("text_config").int("absent") }
    expectJSONError(.wrongType, "'model_type'", "a whole number", "a string") { _ = try config.int("model_type") }
    expectJSONError(.wrongType, "'eos_token_id'") { _ = try config.optionalStrings("eos_token_id") }
    #expect(!folder.has(.tokenizer))
    expectError(.notFound, "config.json") { _ = try HuggingFaceCheckpoint(path: fixture("npy")) }
  }

  @Test("a file that is not JSON, or not an object, is refused with its place")
  func refused() throws {
    let folder = try TemporaryFolder()
    let broken = try folder.write(Array("{\n\"a\":}".utf8), as: "config.json")
    expectError(.malformed, "byte 6", "line 2", "download") { _ = try HuggingFaceCheckpoint(path: folder.path) }
    expectError(.malformed, "line 2") { _ = try JSONValue(path: broken) }
    expectError(.wrongType, "an array") { _ = try JSONFields(path: try folder.write(Array("[]".utf8), as: "list")) }
    expectError(.malformed, "twice") {
      _ = try JSONFields(path: try folder.write(Array(#"{"a":1,"a":1}"#.utf8), as: "twice"))
    }
  }

  private func expectJSONError(_ code: JSONError.Code, _ words: String..., body: () throws -> Void) {
    let error = #expect(throws: JSONError.self) { try body() }
    #expect(error?.code == code)
    for word in words { #expect(error?.message.contains(word) == true, "\(word)") }
  }
}
