import Foundation
import TesseraFiles
import TesseraModels
import TestSupport
import Testing

@testable import Tessera

@Suite("How models say that texts are embedded")
struct EmbeddingSettingsTests {
  private func settings(_ documents: [String: String]) throws -> EmbeddingSettings {
    let bert = try #require(
      Bundle.module.url(forResource: "bert", withExtension: nil, subdirectory: "Fixtures/families"))
    return try withTemporaryFolder { folder in
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          at: bert.appendingPathComponent(name), to: folder.appendingPathComponent(name))
      }
      for (name, text) in documents {
        let url = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
      }
      return try EmbeddingSettings(HuggingFaceCheckpoint(path: folder.path))
    }
  }

  private func modules(_ types: String...) -> String {
    "[" + types.map { #"{"type": "sentence_transformers.models.\#($0)"}"# }.joined(separator: ",") + "]"
  }

  @Test("a folder of sentence-transformers says pooling, normalization and the greatest length")
  func folder() throws {
    let mean = try settings([
      "modules.json": modules("Transformer", "Pooling", "Normalize"),
      "1_Pooling/config.json": #"{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}"#,
      "sentence_bert_config.json": #"{"max_seq_length": 48, "do_lower_case": true}"#,
    ])
    #expect(mean.pooling == .mean && mean.isNormalized && mean.longestText == 48 && mean.isLowercased)
    let last = try settings([
      "modules.json": modules("Transformer", "Pooling"), "1_Pooling/config.json": #"{"pooling_mode_lasttoken": true}"#,
    ])
    #expect(last.pooling == .last && !last.isNormalized && last.longestText == nil && !last.isLowercased)
    let new = try settings([
      "modules.json": modules("Pooling"), "1_Pooling/config.json": #"{"pooling_mode": "cls"}"#,
    ])
    #expect(new.pooling == .cls)
    for (name, pooling): (String, Embedder.Pooling) in [
      ("max_tokens", .max), ("weightedmean_tokens", .weightedMean), ("mean_sqrt_len_tokens", .meanSqrt),
    ] {
      let other = try settings([
        "modules.json": modules("Pooling"), "1_Pooling/config.json": #"{"pooling_mode_\#(name)": true}"#,
      ])
      #expect(other.pooling == pooling)
    }
    let bare = try settings([:])
    #expect(bare.pooling == nil && bare.isNormalized)
  }

  @Test("what is not supported is named")
  func unsupported() throws {
    for (documents, word) in [
      (["modules.json": modules("Transformer", "LSTM")], "LSTM"),
      (["modules.json": modules("Transformer", "Dense")], "2_Dense"),
      (
        [
          "modules.json": modules("Pooling"),
          "1_Pooling/config.json": #"{"pooling_mode_max_tokens": true, "pooling_mode_cls_token": true}"#,
        ], "max_tokens"
      ),
      (["modules.json": modules("Pooling"), "1_Pooling/config.json": #"{"pooling_mode": "sum"}"#], "sum"),
      (["modules.json": "{}"], "modules.json"),
      (["sentence_bert_config.json": #"{"max_seq_length": 0}"#], "max_seq_length"),
      (["modules.json": "["], "modules.json"),
    ] {
      #expect {
        _ = try settings(documents)
      } throws: {
        "\($0)".contains(word)
      }
    }
  }
}
