import TesseraJSON
import Testing

@Suite("JSON objects")
struct ObjectTests {
  @Test("members keep their order and are found, in objects of any size", arguments: [1, 8, 9, 1_000])
  func order(count: Int) {
    var object = JSONObject()
    for index in 0..<count { object["k\(index)"] = .int(index) }
    #expect(object.keys == (0..<count).map { "k\($0)" })
    for index in 0..<count { #expect(object["k\(index)"] == .int(index)) }
    #expect(object["k\(count)"] == nil)
    object["k0"] = "first"
    #expect(object.members[0].value == "first")
    #expect(object.count == count)
  }

  @Test("a removed member is gone and the others are still found")
  func removal() {
    var object = JSONObject((0..<10).map { ("k\($0)", .int($0)) })
    for removed in [9, 0, 5] {
      object["k\(removed)"] = nil
      object["absent"] = nil
      #expect(object["k\(removed)"] == nil)
      for index in [1, 2, 3, 4, 6, 7, 8] { #expect(object["k\(index)"] == .int(index)) }
    }
    #expect(object.keys == ["k1", "k2", "k3", "k4", "k6", "k7", "k8"])
    object["k0"] = 0
    #expect(object.keys.last == "k0")
  }

  @Test("keys and strings are told apart by scalars")
  func scalars() {
    var object: JSONObject = ["\u{E9}": 1, "e\u{301}": 2]
    #expect(object.count == 2)
    for index in 0..<10 { object["k\(index)"] = nil ?? .int(index) }
    #expect(object["\u{E9}"] == 1)
    #expect(object["e\u{301}"] == 2)
    #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
  }

  @Test("objects are equal whatever the order of their members")
  func equality() {
    #expect(["a": 1, "b": [2]] as JSONValue == ["b": [2], "a": 1])
    #expect(["a": 1] as JSONValue != ["a": 1, "b": 2])
    #expect(["a": 1] as JSONValue != ["a": 1.0])
  }

  @Test("typed access tells what is missing or of another type, and where")
  func fields() throws {
    let fields = JSONFields(
      ["n": 2.0, "s": "x", "none": nil, "list": [1, 2], "text_config": ["head_dim": 2, "names": ["a", 1]]],
      path: "config.json")
    #expect(try fields.int("n") == 2)
    #expect(try fields.float("n") == 2)
    #expect(try fields.ints("list") == [1, 2])
    #expect(try fields.optionalString("none") == nil)
    let inner = try fields.fields("text_config")
    #expect(try inner.int("head_dim") == 2)
    let missing = #expect(throws: JSONError.self) { try inner.bool("absent") }
    #expect(missing?.code == .missingKey)
    #expect(missing?.description.hasPrefix("config.json: there is no key 'text_config.absent'") == true)
    let wrong = #expect(throws: JSONError.self) { try inner.optionalStrings("names") }
    #expect(
      wrong?.description == "config.json: the key 'text_config.names' should be an array of strings but is an array")
    #expect(throws: JSONError.self) { try fields.string("none") }
    #expect(throws: JSONError.self) { try JSONFields(of: [1]) }
  }
}
