import TesseraJSON
import Testing

@Suite("Options and bounds of JSON texts")
struct OptionsTests {
  private func code(_ text: String, _ options: JSONOptions = .file) -> JSONError.Code? {
    do {
      _ = try JSONValue(parsing: text, options: options)
      return nil
    } catch {
      return error.code
    }
  }

  @Test("a key that comes twice is refused in files; in requests it keeps its first place and its last value")
  func duplicates() throws {
    let text = "{\"a\":1,\"\u{E9}\":2,\"e\u{301}\":3,\"a\":4}"
    #expect(code(text) == .malformed)
    let object = try #require(try JSONValue(parsing: text, options: .request).objectValue)
    #expect(object.keys == ["a", "\u{E9}", "e\u{301}"])
    #expect(object.members.map(\.value) == [4, 2, 3])
    #expect(object["e\u{301}"] == 3)
  }

  @Test("numbers that are not finite are read from files only")
  func nonFinite() throws {
    #expect(try JSONValue(parsing: "[Infinity,-Infinity]") == [.double(.infinity), .double(-.infinity)])
    #expect(try JSONValue(parsing: "NaN").doubleValue?.isNaN == true)
    for text in ["NaN", "[Infinity]", "-Infinity", "1e999"] { #expect(code(text, .request) == .malformed) }
  }

  @Test("integers beyond 64 bits are rounded in files and refused in requests")
  func largeIntegers() throws {
    #expect(try JSONValue(parsing: "9223372036854775808") == .double(0x1p63))
    #expect(code("9223372036854775808", .request) == .malformed)
    #expect(code("-9223372036854775808", .request) == nil)
  }

  @Test("50 MB of nesting are refused at the limit")
  func nesting() {
    for opening in ["[", "{\"a\":", "[{\"a\":"] {
      let text = String(repeating: opening, count: 50_000_000 / opening.utf8.count)
      #expect(code(text) == .tooLarge)
    }
    var options = JSONOptions.file
    options.depth = .max
    let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
    #expect(code(deep(257), options) == nil)
    #expect(code(deep(258), options) == .tooLarge)
    #expect(code(deep(65)) == nil)
    #expect(code(deep(66)) == .tooLarge)
  }

  @Test("values, bytes and digits are bounded")
  func bounds() {
    #expect(code(String(repeating: "9", count: 100_000)) == .malformed)
    var options = JSONOptions.file
    options.valueCount = 3
    #expect(code("[1,2]", options) == nil)
    #expect(code("[1,2,3]", options) == .tooLarge)
    options.byteCount = 4
    #expect(code("[1,2]", options) == .tooLarge)
  }
}
