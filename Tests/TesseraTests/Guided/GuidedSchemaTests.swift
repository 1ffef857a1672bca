import Foundation
import Synchronization
import TesseraJSON
import TesseraText
import Testing

@testable import Tessera

@Suite("JSON schemas of types")
struct GuidedSchemaTests {
  struct Example: Sendable, CustomStringConvertible {
    let description: String
    let text: @Sendable () throws -> String
    let expected: String

    init<T: Decodable & SendableMetatype>(_ type: T.Type, _ expected: String) {
      (description, self.expected) = ("\(type)", expected)
      text = { try GuidedSchema(type).text }
    }
  }

  private static let double = #"{"type": "number", "format": "double"}"#
  private static let size = #"{"type": "number", "minimum": 1, "maximum": 9}"#

  static let examples: [Example] = [
    Example(
      Recipe.self,
      """
      {"type": "object", "properties": {"title": {"type": "string"}, "minutes": {"type": "integer"},
       "steps": {"type": "array", "items": {"type": "string"}}}, "required": ["title", "minutes", "steps"],
       "additionalProperties": false}
      """),
    Example(
      Scalars.self,
      """
      {"type": "object", "properties": {"bool": {"type": "boolean"}, "byte": {"type": "integer", "minimum": -128, "maximum": 127},
       "natural": {"type": "integer", "minimum": 0}, "word": {"type": "integer", "minimum": 0, "maximum": 65535},
       "wide": {"type": "integer"}, "half": {"type": "number", "minimum": -65504, "maximum": 65504},
       "float": {"type": "number", "format": "float"}, "double": \(double), "decimal": \(double),
       "date": {"type": "string", "format": "date-time"}, "id": {"type": "string", "format": "uuid"},
       "page": {"type": "string", "format": "uri"},
       "data": {"type": "string", "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}},
       "required": ["bool", "byte", "natural", "word", "wide", "half", "float", "double", "decimal", "date", "id", "page", "data"],
       "additionalProperties": false}
      """),
    Example(
      Renamed.self,
      """
      {"type": "object", "properties": {"the_mood": {"$ref": "#/$defs/Mood"}, "grade": {"enum": [1, 5]},
       "moods": {"type": "array", "items": {"$ref": "#/$defs/Mood"}}}, "required": ["the_mood", "moods"],
       "additionalProperties": false, "$defs": {"Mood": {"enum": ["good", "b\\"ad"]}}}
      """),
    Example(
      Collections.self,
      """
      {"type": "object", "properties": {"counts": {"type": "object", "additionalProperties": {"type": "integer"}},
       "table": {"type": "array", "items": {"type": "array", "items": \(double)}},
       "names": {"type": "array", "items": {"type": "string"}},
       "maybe": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
       "both": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "boolean"}}}},
       "required": ["counts", "table", "names", "maybe"], "additionalProperties": false}
      """),
    Example(
      Tree.self,
      """
      {"type": "object", "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#"}},
       "twig": {"$ref": "#/$defs/Twig"}}, "required": ["value", "children"], "additionalProperties": false,
       "$defs": {"Twig": {"type": "object", "properties": {"tree": {"$ref": "#"},
       "leaves": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Twig"}}}, "required": ["tree", "leaves"],
       "additionalProperties": false}}}
      """),
    Example(Link.self, ##"{"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false}"##),
    Example(
      Dog.self,
      """
      {"type": "object", "properties": {"age": {"type": "integer"}, "name": {"type": "string"}}, "required": ["age", "name"],
       "additionalProperties": false}
      """),
    Example(
      Cat.self,
      """
      {"type": "object", "properties": {"lives": {"type": "integer"}, "super": {"type": "object", "properties":
       {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false}}, "required": ["lives", "super"],
       "additionalProperties": false}
      """),
    Example(
      Nested.self,
      """
      {"type": "object", "properties": {"outer": {"type": "object", "properties": {"inner": {"type": "integer"}},
       "required": ["inner"], "additionalProperties": false}, "pair": {"type": "array", "prefixItems": [{"type": "integer"},
       {"type": "string"}], "items": false, "minItems": 2}, "rest": {"type": "array", "items": {"type": "boolean"}}},
       "required": ["outer", "pair", "rest"], "additionalProperties": false}
      """),
    Example(
      Pair<Celsius, Celsius?>.self,
      """
      {"type": "object", "properties": {"a": {"$ref": "#/$defs/Celsius"}, "b": {"anyOf": [{"$ref": "#/$defs/Celsius"}, {"type": "null"}]}},
       "required": ["a", "b"], "additionalProperties": false, "$defs": {"Celsius": \(double)}}
      """),
    Example(
      Expression.self,
      """
      {"anyOf": [{"type": "object", "properties": {"sum": {"type": "object", "properties": {"_0": {"$ref": "#"}, "_1": {"$ref": "#"}},
       "required": ["_0", "_1"], "additionalProperties": false}}, "required": ["sum"], "additionalProperties": false},
       {"type": "object", "properties": {"call": {"type": "object", "properties": {"name": {"type": "string"}, "with":
       {"type": "array", "items": {"$ref": "#"}}}, "required": ["name", "with"], "additionalProperties": false}},
       "required": ["call"], "additionalProperties": false},
       {"type": "object", "properties": {"zero": {"type": "object", "properties": {}, "additionalProperties": false}},
       "required": ["zero"], "additionalProperties": false},
       {"type": "object", "properties": {"number": {"type": "object", "properties": {"_0": {"type": "integer"}},
       "required": ["_0"], "additionalProperties": false}}, "required": ["number"], "additionalProperties": false}]}
      """),
    Example(
      Drawing.self,
      """
      {"type": "object", "properties": {"first": {"$ref": "#/$defs/Shape"}, "others": {"type": "array", "items":
       {"$ref": "#/$defs/Shape"}}, "note": {"type": "string", "pattern": "^[a-z]{2,8}$", "description": "a word"}},
       "required": ["first", "others", "note"], "additionalProperties": false, "$defs": {"Shape": {"anyOf": [{"type": "object",
       "properties": {"radius": {"$ref": "#/$defs/Shape/$defs/size"}}, "required": ["radius"]}, {"type": "object", "properties":
       {"side": {"$ref": "#/$defs/Shape/$defs/size"}}, "required": ["side"]}], "$defs": {"size": \(size)}}}}
      """),
    Example(Shape.self, Shape.jsonSchema),
    Example([Recipe].self, #"{"type": "array", "items": \#(recipe)}"#),
    Example([Mood].self, #"{"type": "array", "items": {"enum": ["good", "b\"ad"]}}"#),
    Example(Int?.self, #"{"anyOf": [{"type": "integer"}, {"type": "null"}]}"#),
    Example(String.self, #"{"type": "string"}"#),
    // Two types of one name.
    Example(
      Pair<[Mood], [Other.Mood]>.self,
      """
      {"type": "object", "properties": {"a": {"type": "array", "items": {"enum": ["good", "b\\"ad"]}}, "b": {"type": "array",
       "items": {"enum": ["other"]}}}, "required": ["a", "b"], "additionalProperties": false}
      """),
    Example(
      Pair<Pair<Mood, Mood>, Pair<Other.Mood, Other.Mood>>.self,
      """
      {"type": "object", "properties": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/Mood"}, "b":
       {"$ref": "#/$defs/Mood"}}, "required": ["a", "b"], "additionalProperties": false}, "b": {"type": "object", "properties":
       {"a": {"$ref": "#/$defs/Mood2"}, "b": {"$ref": "#/$defs/Mood2"}}, "required": ["a", "b"], "additionalProperties": false}},
       "required": ["a", "b"], "additionalProperties": false,
       "$defs": {"Mood": {"enum": ["good", "b\\"ad"]}, "Mood2": {"enum": ["other"]}}}
      """),
  ]

  private static let recipe = """
    {"type": "object", "properties": {"title": {"type": "string"}, "minutes": {"type": "integer"},
     "steps": {"type": "array", "items": {"type": "string"}}}, "required": ["title", "minutes", "steps"],
     "additionalProperties": false}
    """

  enum Other {
    enum Mood: String, Decodable, Sendable, CaseIterable { case other }
  }

  @Test("schemas are those of a table, with members in the order in which they are decoded", arguments: examples)
  func derived(_ example: Example) throws {
    // Of the same members in another order the text is another one.
    let expected = example.expected.replacing("\n", with: "")
    #expect(try example.text() == JSONValue(parsing: expected).text())
  }

  private struct Counted: Decodable, JSONSchemaProviding {
    static let readings = Mutex(0)
    static var jsonSchema: String {
      readings.withLock { $0 += 1 }
      return #"{"type": "boolean"}"#
    }
    init(from decoder: any Decoder) throws { _ = try decoder.singleValueContainer().decode(Bool.self) }
  }

  @Test("a type's schema is derived once")
  func cache() throws {
    let (first, second) = (try GuidedSchema(Counted.self), try GuidedSchema(Counted.self))
    #expect(first.text == second.text && first.constraint == second.constraint)
    #expect(Counted.readings.withLock { $0 } == 1)
  }

  @Test("a value is decoded from a document, and one that the type refuses is told")
  func values() throws {
    let recipe = try GuidedSchema(Recipe.self).value(from: #"{"title":"a","minutes":-3,"steps":["b"]}"#)
    #expect(recipe == Recipe(title: "a", minutes: -3, steps: ["b"]))
    #expect {
      _ = try GuidedSchema(Shape.self).value(from: #"{"radius": 10}"#)
    } throws: {
      let error = $0 as? GuidedError
      return error?.code == .undecodable && error?.text == #"{"radius": 10}"# && "\($0)".contains("the size is 10")
    }
  }

  @Test(
    "dates are those of RFC 3339",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2024-02-29T23:59:59.5Z", 1_709_251_199.5), ("2024-03-01T00:00:00Z", 1_709_251_200),
      ("1999-12-31T23:30:00-01:00", 946_686_600), ("2000-01-01T05:30:00+05:30", 946_684_800),
      ("0001-01-01T00:00:00Z", -62_135_596_800), ("9999-12-31T23:59:59+23:59", 253_402_214_459),
      ("1900-03-01T00:00:00Z", -2_203_891_200),
    ])
  func dates(_ text: String, _ seconds: Double) throws {
    #expect(try GuidedSchema(Date.self).value(from: "\"\(text)\"").timeIntervalSince1970 == seconds)
  }

  @Test("the shortest text of a grammar is one of its texts", arguments: examples)
  func shortest(_ example: Example) throws {
    let grammar = try Grammar.jsonSchema(example.text())
    var recognizer = GrammarRecognizer(grammar)
    let text = try grammar.shortestText()
    #expect(try recognizer.accepts(text), "\(String(decoding: text, as: UTF8.self))")
  }

  @Test(
    "shortest texts have the lengths that they must",
    arguments: [
      ("[a-c]{3,9}x?", 3), ("(a|bcd)(ef)*", 1), ("((ab){2}c){3}", 15), ("", 0), ("a+b*", 1), ("(a{0}b){2,}", 2),
    ])
  func lengths(_ pattern: String, _ count: Int) throws {
    #expect(try Grammar.regularExpression(pattern).shortestText().count == count)
  }
}
