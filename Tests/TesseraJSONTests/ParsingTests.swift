import TesseraJSON
import Testing

@Suite("JSON texts that are read")
struct ParsingTests {
  @Test("values of every kind are parsed")
  func values() throws {
    #expect(try JSONValue(parsing: " null ") == .null)
    #expect(try JSONValue(parsing: "[true,false]") == [true, false])
    #expect(try JSONValue(parsing: "[0,-0,-1,9223372036854775807]") == [0, 0, -1, .int(.max)])
    #expect(try JSONValue(parsing: "[1.5,-0.25e2,1E+2,-0.0,1E-3]") == [1.5, .double(-25), .double(100), -0.0, 0.001])
    #expect(try JSONValue(parsing: "{\"a\":{\"b\":[]},\"c\":{}}") == ["a": ["b": []], "c": [:]])
    #expect(try JSONValue(parsing: "\u{FEFF}1") == 1)
  }

  @Test("strings are decoded with all their escapes")
  func strings() throws {
    #expect(try JSONValue(parsing: #""a\"\\\/\b\f\n\r\t""#) == "a\"\\/\u{8}\u{C}\n\r\t")
    #expect(try JSONValue(parsing: #""\u00e9\u65E5\ud83e\udd8A.""#) == "é日🦊.")
    #expect(try JSONValue(parsing: "\"Straße 🦊\"") == "Straße 🦊")
  }

  @Test(
    "what is not JSON is refused with its place, whatever the options",
    arguments: [
      "", " ", "[", "]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "[1,]", "[1 2]", "{a:1}", "01", "-", "+1",
      ".5",
      "1.", "1e", "1e+", "tru", "nul", "\"", "\"\\", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
      "\"\\x\"", "\"\n\"", "1 2", "--1", "'a'", "{\"a\":1]", "Infinit", "0x10", "[\u{FEFF}]",
    ])
  func refused(text: String) {
    for options in [JSONOptions.file, .request] {
      let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text, path: "a.json", options: options) }
      #expect(error?.code == .malformed)
      #expect(error?.path == "a.json")
      #expect(error?.description.hasPrefix("a.json: the JSON text is wrong at byte ") == true)
    }
  }

  @Test("an error tells byte and line")
  func position() {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "[1,\n\n x]") }
    #expect(error?.position?.byte == 6)
    #expect(error?.position?.line == 3)
    #expect(error?.description == "the JSON text is wrong at byte 6 (line 3): a value is expected here")
  }

  @Test(
    "strings that are not UTF-8 are refused", arguments: [[UInt8](arrayLiteral: 0xFF), [0xC3], [0xED, 0xA0, 0x80]])
  func invalidUTF8(bytes: [UInt8]) {
    for start in ["\"", "\"\\n"] {
      let error = #expect(throws: JSONError.self) { try JSONValue(parsing: Array(start.utf8) + bytes + [0x22]) }
      #expect(error?.problem.contains("UTF-8") == true)
    }
  }

  @Test("a text with flipped bits or cut anywhere never ends in a trap")
  func damage() throws {
    let text = #"{"model_type": "llama", "é": [1, -2.5e-3, "\ud83e\udd8A\n", {"a": null}], "t": [true, false, {}]}"#
    let bytes = Array(text.utf8)
    var generator = SystemRandomNumberGenerator()
    var refused = 0
    for _ in 0..<2_000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        damaged[Int.random(in: 0..<bytes.count)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      do { _ = try JSONValue(parsing: damaged) } catch {
        #expect(error.code == .malformed)
        refused += 1
      }
    }
    #expect(refused > 100)
    for count in 0..<bytes.count {
      #expect(throws: JSONError.self) { try JSONValue(parsing: Array(bytes[..<count])) }
    }
  }
}
