import Foundation
import Testing

@testable import TesseraFiles

@Suite("JSON")
struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue { try parse(Array(text.utf8)) }

  private func parse(_ bytes: [UInt8], _ limits: JSONValue.Limits = .init()) throws -> JSONValue {
    try bytes.withUnsafeBytes { try JSONValue(parsing: $0, path: "text", limits: limits) }
  }

  @Test("values of every kind are parsed")
  func values() throws {
    #expect(try parse(" null ") == .null)
    #expect(try parse("[true,false]") == .array([.bool(true), .bool(false)]))
    #expect(try parse("[0,-1,9223372036854775807]") == .array([.int(0), .int(-1), .int(.max)]))
    #expect(
      try parse("[1.5,-0.25e2,1E+2,9223372036854775808]")
        == .array([.double(1.5), .double(-25), .double(100), .double(0x1p63)]))
    #expect(try parse("[Infinity,-Infinity]") == .array([.double(.infinity), .double(-.infinity)]))
    #expect(try parse("NaN").doubleValue?.isNaN == true)
    #expect(try parse("{\"a\":{\"b\":[]},\"c\":{}}") == .object(["a": .object(["b": .array([])]), "c": .object([:])]))
    #expect(try parse("\u{FEFF}1") == .int(1))
  }

  @Test("strings are decoded with all their escapes")
  func strings() throws {
    #expect(try parse(#""a\"\\\/\b\f\n\r\t""#) == .string("a\"\\/\u{8}\u{C}\n\r\t"))
    #expect(try parse(#""\u00e9\u65E5\ud83e\udd8A.""#) == .string("é日🦊."))
    #expect(try parse("\"Straße 🦊\"") == .string("Straße 🦊"))
  }

  @Test(
    "what is not JSON is refused with its place",
    arguments: [
      "", " ", "[", "]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "[1,]", "[1 2]", "{a:1}", "01", "-", "+1",
      ".5",
      "1.", "1e", "1e+", "tru", "nul", "\"", "\"\\", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
      "\"\\x\"", "\"\n\"", "1 2", "{\"a\":1,\"a\":2}", "--1", "'a'", "{\"a\":1]", "Infinit", "0x10",
    ])
  func refused(text: String) {
    expectError(.malformed, "byte", "line") { _ = try parse(text) }
  }

  @Test(
    "strings that are not UTF-8 are refused", arguments: [[UInt8](arrayLiteral: 0xFF), [0xC3], [0xED, 0xA0, 0x80]])
  func invalidUTF8(bytes: [UInt8]) {
    expectError(.malformed, "UTF-8") { _ = try parse([0x22] + bytes + [0x22]) }
    expectError(.malformed, "UTF-8") { _ = try parse(Array("\"\\n".utf8) + bytes + [0x22]) }
  }

  @Test("depth, values, bytes and digits are bounded")
  func limits() throws {
    expectError(.tooLarge, "nested") { _ = try parse(String(repeating: "[", count: 1_000_000)) }
    expectError(.tooLarge, "nested") { _ = try parse(String(repeating: "{\"a\":", count: 100_000)) }
    expectError(.malformed, "1,024") { _ = try parse(String(repeating: "9", count: 100_000)) }
    var limits = JSONValue.Limits()
    limits.valueCount = 3
    _ = try parse(Array("[1,2]".utf8), limits)
    expectError(.tooLarge, "3 values") { _ = try parse(Array("[1,2,3]".utf8), limits) }
    limits.byteCount = 4
    expectError(.tooLarge, "4") { _ = try parse(Array("[1,2]".utf8), limits) }
  }

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
    #expect(try config.optionalObject("rope_scaling") == nil)
    #expect(try config.array("limits") == [.double(0), .double(.infinity)])
    #expect(try config.object("text_config").int("head_dim") == 2)
    expectError(.missingKey, "'text_config.absent'") { _ = try config.object("text_config").int("absent") }
    expectError(.wrongType, "'model_type'", "a whole number", "a string") { _ = try config.int("model_type") }
    expectError(.wrongType, "'eos_token_id'") { _ = try config.optionalStrings("eos_token_id") }
    #expect(try folder.json(.tokenizer) == nil)
    #expect(HuggingFaceCheckpoint.isModelFolder(fixture("sharded")))
    expectError(.notFound, "config.json") { _ = try HuggingFaceCheckpoint(path: fixture("npy")) }
  }

  @Test("a configuration with flipped bits or cut anywhere never ends in a trap")
  func damage() throws {
    let bytes = try contents(fixture("sharded/config.json"))
    for seed in 0..<1_000 {
      do { _ = try parse(flipped(bytes, seed: UInt64(seed))) } catch let error as FileError {
        #expect(error.code == .malformed)
      }
    }
    for count in 0..<bytes.count - 2 {
      expectError(.malformed) { _ = try parse(Array(bytes[..<count])) }
    }
  }
}
