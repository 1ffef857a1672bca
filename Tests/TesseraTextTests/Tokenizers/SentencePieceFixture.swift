import Foundation
import TesseraJSON
import Testing

@testable import TesseraText

/// Small SentencePiece models, and what SentencePiece and transformers' tokenizers make of hard texts
/// (`Tests/Fixtures-scripts/make_sentencepiece_fixtures.py`).
struct SentencePieceFixture {
  private let document: JSONFields
  let texts: [String]

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/sentencepiece", withExtension: "json"))
    document = try JSONFields(of: JSONValue(parsing: [UInt8](Data(contentsOf: url))))
    texts = try document.strings("texts")
  }

  /// The bytes of a model file.
  func file(_ name: String) throws -> [UInt8] {
    [UInt8](try #require(Data(base64Encoded: try document.fields("files").string(name))))
  }

  /// A model's name and the ids of all texts.
  func models() throws -> [(name: String, ids: [[Int]])] {
    try document.array("models").map {
      let fields = try JSONFields(of: $0)
      return (try fields.string("name"), try fields.array("ids").map { try #require($0.intList) })
    }
  }

  /// A tokenizer of transformers.
  struct Class {
    let name: String
    let fields: JSONFields
    let files: HuggingFaceTokenizerFiles
    /// The texts that are encoded.
    let inputs: [String]
    let ids: [[Int]]
    /// What the ids are decoded to, without special tokens.
    let outputs: [String]
  }

  func classes() throws -> [Class] {
    try document.array("classes").map {
      let fields = try JSONFields(of: $0)
      var files: HuggingFaceTokenizerFiles?
      var vocabulary: JSONValue?
      for (name, content) in try fields.fields("files").object.members {
        if let model = content.stringValue {
          files = HuggingFaceTokenizerFiles(pieceModel: try file(model), named: name, path: "folder")
        } else {
          vocabulary = content
        }
      }
      var found = try #require(files)
      found.vocabulary = vocabulary
      found.tokenizerConfig = fields["config"]
      return Class(
        name: try fields.string("name"), fields: fields, files: found, inputs: texts + (try fields.strings("more")),
        ids: try fields.array("ids").map { try #require($0.intList) }, outputs: try fields.strings("texts"))
    }
  }
}
