import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

/// Results of Hugging Face's tokenizers library for hard texts with parts of `tokenizer.json`, and with whole ones
/// (`Tests/Fixtures-scripts/make_tokenizer_json_fixtures.py`).
struct TokenizerJSONFixture {
  let document: JSONFields
  let texts: [String]

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/tokenizer-json", withExtension: "json"))
    document = try JSONFields(of: JSONValue(parsing: [UInt8](Data(contentsOf: url))))
    texts = try document.strings("texts")
  }

  /// The cases of a kind: a part's configuration and what comes out for each input.
  func cases(_ key: String) throws -> [(part: ComponentFields, expected: [JSONValue])] {
    try document.array(key).map { value in
      let fields = try JSONFields(of: value)
      let config = try #require(fields["config"])
      return (try ComponentFields(config, path: nil, place: key), try fields.array("expected"))
    }
  }

  /// A whole tokenizer and what it gives.
  struct Whole {
    let name: String
    let json: JSONValue
    let fields: JSONFields

    /// Lists of ids.
    func ids(_ key: String) throws -> [[Int]] {
      try fields.array(key).map { try #require($0.intList) }
    }

    func tokenizer() throws -> Tokenizer {
      try Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: json, path: "model"))
    }
  }

  func tokenizers() throws -> [Whole] {
    try document.array("tokenizers").map { value in
      let fields = try JSONFields(of: value)
      return Whole(
        name: try fields.string("name"), json: try #require(fields["tokenizer"]), fields: fields)
    }
  }

  func tokenizer(named name: String) throws -> Whole { try #require(try tokenizers().first { $0.name == name }) }
}

extension TextPieces {
  /// The pieces as strings.
  var strings: [String] {
    zip([0] + ends, ends).map { String(decoding: bytes[$0..<$1], as: UTF8.self) }
  }
}

extension JSONValue {
  /// The strings of an array.
  var stringList: [String]? { arrayValue?.compactMap { $0.stringValue } }
  /// The whole numbers of an array.
  var intList: [Int]? { arrayValue?.compactMap { $0.intValue } }
}
