import TesseraJSON
import Testing

@Suite("JSON texts that are written")
struct WritingTests {
  private let value: JSONValue = [
    "b": [1, 2.5, nil, true, "é\n\u{1}\u{7F}😀\"\\"], "a": [:], "e": [], "o": ["x": ["y": 1]],
  ]

  @Test("the styles differ in spaces and line breaks")
  func styles() {
    #expect(
      value.text()
        == #"{"b":[1,2.5,null,true,"é\n\u0001\#u{7F}😀\"\\"],"a":{},"e":[],"o":{"x":{"y":1}}}"#)
    #expect((["a": 1, "b": [1, 2]] as JSONValue).text(.spaced) == #"{"a": 1, "b": [1, 2]}"#)
    #expect(
      (["a": 1, "b": [1, [:]], "c": []] as JSONValue).text(.indented) == """
        {
          "a": 1,
          "b": [
            1,
            {}
          ],
          "c": []
        }
        """)
  }

  @Test("what is not ASCII can be escaped, as Python does")
  func escapes() {
    var style = JSONStyle.compact
    style.escapesNonASCII = true
    #expect(JSONValue.string("é\u{7F}😀~").text(style) == #""\u00e9\u007f\ud83d\ude00~""#)
  }

  @Test(
    "numbers are written as Python writes them",
    arguments: [
      (1.0, "1.0"), (-0.0, "-0.0"), (1e16, "1e+16"), (123_456_789_012_345.0, "123456789012345.0"), (1e-5, "1e-05"),
      (0.0001, "0.0001"), (1.5e300, "1.5e+300"), (.leastNonzeroMagnitude, "5e-324"), (0.1, "0.1"), (.nan, "null"),
      (.infinity, "null"),
    ] as [(Double, String)])
  func numbers(number: Double, text: String) {
    #expect(JSONValue.double(number).text() == text)
  }

  @Test("numbers that are not finite can be written as Python does")
  func nonFinite() {
    var style = JSONStyle.compact
    style.writesNonFinite = true
    #expect(
      ([.double(.nan), .double(.infinity), .double(-.infinity)] as JSONValue).text(style) == "[NaN,Infinity,-Infinity]")
  }

  @Test("what is written is read as the same value, in every style")
  func roundTrip() throws {
    for style in [JSONStyle.compact, .spaced, .indented] {
      #expect(try JSONValue(parsing: value.text(style)) == value)
      #expect(try JSONValue(parsing: value.text(style)).text() == value.text())
    }
  }
}
