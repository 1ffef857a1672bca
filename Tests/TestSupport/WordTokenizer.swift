import Foundation

/// A small tokenizer of words, as BERT's, for models of fixtures that have none.
package enum WordTokenizer {
  /// Its `tokenizer.json`.
  package static let document = {
    let tokens = [
      "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "go", "##ing", "##ne", "e", ",", "!", "[", "]", "pad", "##2",
    ]
    let vocabulary = tokens.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
    let added = tokens[..<5].enumerated().map { #"{"id": \#($0), "content": "\#($1)", "special": true}"# }
    return """
      {"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {\(vocabulary)}},
       "added_tokens": [\(added.joined(separator: ", "))], "normalizer": {"type": "BertNormalizer"},
       "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "WordPiece"},
       "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]}}
      """
  }()
}
