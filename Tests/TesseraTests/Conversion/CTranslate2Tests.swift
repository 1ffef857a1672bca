import Foundation
import TesseraFiles
import TesseraJSON
import TestSupport
import Testing

@testable import TesseraModels

@Suite("Models of CTranslate2's")
struct CTranslate2Tests {
  private func folder(_ name: String) throws -> String { try FamilyFixture.path("ctranslate2/\(name)") }

  private func converted(_ name: String, _ body: (HuggingFaceCheckpoint, WhisperFolder) throws -> Void) throws {
    let source = try WhisperFolder(CTranslate2Checkpoint(path: folder(name)))
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("model").path
      let count = try source.write(to: path)
      let size = try FileManager.default.attributesOfItem(atPath: path + "/model.safetensors")[.size] as? Int
      #expect(size == count)
      try body(HuggingFaceCheckpoint(path: path), source)
    }
  }

  @Test("floats become the tensors that they were made of, bit for bit", arguments: ["float32", "float16"])
  func floats(name: String) throws {
    let original = try HuggingFaceCheckpoint(path: folder("huggingface"))
    try converted(name) { model, _ in
      #expect(Set(model.tensors.map(\.name)) == Set(original.tensors.map(\.name)))
      for tensor in original.tensors {
        let found = try model.requiredTensor(named: tensor.name)
        #expect(found.shape == tensor.shape && found.type == (name == "float32" ? .f32 : .f16), "\(tensor.name)")
        // The original's numbers are of float16.
        let isSame =
          try FloatTensor.values(found, in: model).map(\.bitPattern)
          == FloatTensor.values(tensor, in: original).map(\.bitPattern)
        #expect(isSame, "\(tensor.name)")
      }
    }
  }

  @Test("integers become numbers that are half a step from what they were made of")
  func integers() throws {
    let original = try HuggingFaceCheckpoint(path: folder("huggingface"))
    try converted("int8") { model, _ in
      #expect(Set(model.tensors.map(\.name)) == Set(original.tensors.map(\.name)))
      var changed = 0
      for tensor in original.tensors {
        let found = try model.requiredTensor(named: tensor.name)
        #expect(found.shape == tensor.shape && found.type == .f32, "\(tensor.name)")
        let (values, wanted) = (
          try FloatTensor.values(found, in: model), try FloatTensor.values(tensor, in: original)
        )
        let columns = wanted.count / tensor.shape[0]
        for row in 0..<tensor.shape[0] {
          let range = row * columns..<(row + 1) * columns
          let largest = wanted[range].map(abs).max() ?? 0
          let error = zip(values[range], wanted[range]).map { abs($0 - $1) }.max() ?? 0
          #expect(error <= largest / 254 * 1.00001, "\(tensor.name), row \(row)")
          if error > 0 { changed += 1 }
        }
      }
      #expect(changed > 50)
    }
  }

  @Test("the documents say what the original's say, and what decoding needs")
  func documents() throws {
    let original = try HuggingFaceCheckpoint(path: folder("huggingface"))
    try converted("float32") { model, source in
      #expect(source.notes.isEmpty)
      for (key, value) in model.config.object.members where key != "torch_dtype" {
        #expect(original.config[key] == value, "\(key)")
      }
      #expect(model.config["torch_dtype"] == "float32")
      let generation = try #require(try model.object(.generationConfig))
      #expect(generation["is_multilingual"] == false && generation["lang_to_id"] == nil)
      #expect(try generation.int("no_timestamps_token_id") == 36 && generation.int("prev_sot_token_id") == 34)
      #expect(try generation.ints("begin_suppress_tokens") == [26, 27])
      #expect(generation["alignment_heads"] == [[0, 1], [1, 0]])
      let sound = try JSONFields(path: model.path + "/preprocessor_config.json")
      #expect(try sound.int("feature_size") == 80 && sound.int("sampling_rate") == 16_000)
      let tokenizer = try Data(contentsOf: URL(fileURLWithPath: model.path + "/tokenizer.json"))
      #expect(try tokenizer == Data(contentsOf: URL(fileURLWithPath: folder("float32") + "/tokenizer.json")))
    }
    try converted("int8") { _, source in #expect(source.notes.count == 1) }
  }

  @Test("a multilingual vocabulary gives languages and tasks")
  func languages() throws {
    var vocabulary = (0..<WhisperDocuments.multilingualCount).map { "t\($0)" }
    let names = [
      "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|de|>", "<|translate|>", "<|transcribe|>",
      "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
    ]
    vocabulary.replaceSubrange(50_257..<50_257 + names.count, with: names)
    func generation(_ vocabulary: [String]) throws -> JSONFields {
      let documents = WhisperDocuments(.init(), JSONFields(["suppress_ids": [1]]), vocabulary: vocabulary, of: "x")
      return try JSONFields(of: documents.generationConfig())
    }
    let fields = try generation(vocabulary)
    #expect(fields["lang_to_id"] == ["<|en|>": 50_259, "<|zh|>": 50_260, "<|de|>": 50_261])
    #expect(fields["task_to_id"] == ["transcribe": 50_263, "translate": 50_262])
    #expect(fields["is_multilingual"] == true && fields["suppress_tokens"] == [1])
    #expect(fields["begin_suppress_tokens"] == nil)
    vocabulary[50_267] = "gone"
    let error = #expect(throws: ModelError.self) { try generation(vocabulary) }
    #expect(error.map { "\($0)".contains("<|notimestamps|>") } == true)
  }

  /// A folder whose `model.bin` is `change`d.
  private func changed(
    _ change: (inout [UInt8]) -> Void, documents: [String: String] = [:], _ body: (String) throws -> Void
  ) throws {
    let source = URL(fileURLWithPath: try folder("float16"))
    try withTemporaryFolder { folder in
      for name in ["config.json", "vocabulary.json"] {
        try FileManager.default.copyItem(
          at: source.appendingPathComponent(name), to: folder.appendingPathComponent(name))
      }
      for (name, text) in documents { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
      var bytes = [UInt8](try Data(contentsOf: source.appendingPathComponent("model.bin")))
      change(&bytes)
      try Data(bytes).write(to: folder.appendingPathComponent("model.bin"))
      try body(folder.path)
    }
  }

  private func place(of name: String, in bytes: [UInt8]) -> Int {
    bytes.firstRange(of: Array(name.utf8) + [0])?.upperBound ?? 0
  }

  @Test("what is cut off or damaged is refused, wherever, and no trap")
  func damage() throws {
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("float16") + "/model.bin")))
    for length in stride(from: 1, to: whole.count, by: 97) {
      try changed({ $0 = Array($0.prefix(length)) }) { path in
        let error = #expect(throws: FileError.self) { try CTranslate2Checkpoint(path: path) }
        #expect([.truncated, .malformed].contains(error?.code), "\(length)")
      }
    }
    var read = 0
    for place in stride(from: 0, to: 8 * whole.count, by: 1_097) {
      try changed({ $0[place / 8] ^= 1 << UInt8(place % 8) }) { path in
        // Whatever comes of it: an error, or a model of other numbers.
        if let model = try? WhisperFolder(CTranslate2Checkpoint(path: path)) {
          #expect(model.items.count == 74, "bit \(place)")
          read += 1
        }
      }
    }
    #expect((20..<90).contains(read), "\(read)")
  }

  @Test("what says something else than a Whisper model is refused by name")
  func otherModels() throws {
    func refuse(_ words: String, _ change: (inout [UInt8]) -> Void, documents: [String: String] = [:]) throws {
      try changed(change, documents: documents) { path in
        let error = #expect(throws: (any Error).self) { try WhisperFolder(CTranslate2Checkpoint(path: path)) }
        #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? ""): \(words)")
      }
    }
    try refuse("the version is 7", { $0[0] = 7 })
    try refuse("'VhisperSpec' of revision 3", { $0[6] = UInt8(ascii: "V") })
    try refuse("'decoder/activation' is 0", { $0[place(of: "decoder/activation", in: $0) + 6] = 0 })
    try refuse("no tensor 'decoder/num_heads'", { $0[place(of: "decoder/num_heads", in: $0) - 2] = 0x7A })
    try refuse("'decoder/scale_alibz' is none", { $0[place(of: "decoder/scale_alibi", in: $0) - 2] = 0x7A })
    try refuse(
      "adds something to keys",
      { $0[place(of: "encoder/layer_0/self_attention/linear_0/bias", in: $0) + 10 + 2 * 9] = 1 })
    try refuse("type number 9", { $0[place(of: "decoder/layer_norm/beta", in: $0) + 5] = 9 })
    try refuse("needs 16 bytes, not", { $0[place(of: "decoder/layer_norm/beta", in: $0) + 6] = 17 })
    try refuse("the vocabulary has 1 tokens", { _ in }, documents: ["vocabulary.json": #"["a"]"#])
    try refuse("not a JSON object", { _ in }, documents: ["config.json": "[]"])
    try refuse("ids beyond", { _ in }, documents: ["config.json": #"{"suppress_ids":[48]}"#])
    try refuse("a token is no string", { _ in }, documents: ["vocabulary.json": "[1]"])
  }

  @Test("nothing is written over what is there, and nothing left behind")
  func places() throws {
    let model = try WhisperFolder(CTranslate2Checkpoint(path: folder("float16")))
    try withTemporaryFolder { folder in
      let there = #expect(throws: FileError.self) { try model.write(to: folder.path) }
      #expect(there?.message.contains("something is there already") == true)
      let absent = #expect(throws: FileError.self) { try model.write(to: folder.path + "/absent/model") }
      #expect(absent?.code == .notFound)
      // A model that becomes shorter while it is read.
      let source = folder.appendingPathComponent("source")
      try FileManager.default.copyItem(atPath: self.folder("float16"), toPath: source.path)
      let opened = try WhisperFolder(CTranslate2Checkpoint(path: source.path))
      #expect(truncate(source.path + "/model.bin", 5_000) == 0)
      let cut = #expect(throws: FileError.self) { try opened.write(to: folder.path + "/model") }
      #expect(cut?.code == .truncated)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["source"])
      #expect(CTranslate2Checkpoint.isFolder(source.path) && !CTranslate2Checkpoint.isFolder(folder.path))
    }
  }
}
