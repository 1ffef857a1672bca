import TesseraFiles
import TesseraSystem

/// A Hugging Face folder to be made of a Whisper model of CTranslate2's: `transformers`' names, a projection a tensor.
///
/// Floats keep their type and bits; int8 and int16 become the float32 numbers that they stand for.
package struct WhisperFolder: Sendable {
  /// The tensors, in the order of their bytes.
  package let items: [ModelConverter.Item]
  /// `config.json` and others that are made, each by its name.
  package let documents: [(name: String, text: String)]
  /// Files that are taken as they are, such as the tokenizer.
  let copies: [(name: String, file: MappedFile)]
  /// What the folder lacks.
  package let notes: [String]

  /// Documents of the model's folder that a Hugging Face folder has under the same names.
  private static let copied = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "preprocessor_config.json",
  ]

  /// - Throws: `FileError` for what is wrong with the files, `ModelError` where they are of no Whisper model, or of one
  ///   with parts that are not known.
  package init(_ model: CTranslate2Checkpoint) throws {
    var variables = WhisperVariables(model)
    let sizes = try variables.takeAll()
    let configuration = WhisperDocuments(
      sizes, try model.config(), vocabulary: try model.vocabulary(), of: model.path)
    var documents = [
      ("config.json", try configuration.config()), ("generation_config.json", try configuration.generationConfig()),
    ]
    copies = try Self.copied.compactMap { name in
      let path = model.path + "/" + name
      return FileDescriptor.exists(path) ? (name, try MappedFile(path: path)) : nil
    }
    let names = copies.map(\.name)
    if !names.contains("preprocessor_config.json") {
      documents.append(("preprocessor_config.json", configuration.preprocessorConfig()))
    }
    notes =
      names.contains("tokenizer.json") ? [] : ["there is no tokenizer.json to copy: only what takes token ids works"]
    items = variables.items
    self.documents = documents.map { (name: $0.0, text: $0.1.text(.indented) + "\n") }
  }

  /// Writes the folder, which must not exist yet.
  ///
  /// - Parameter progress: called with the share that is written.
  /// - Returns: bytes of `model.safetensors`.
  /// - Throws: `FileError`; nothing is left behind then.
  package func write(to path: String, progress: (Double) -> Void = { _ in }) throws -> Int {
    let folder = try AtomicFolder(path: path)
    let weights = try SafetensorsWriter(
      path: folder.path(of: "model.safetensors"), tensors: items.map(\.tensor))
    var done = 0
    for item in items {
      defer { item.rows.release() }
      let step = max((8 << 20) / max(item.tensor.rowByteCount, 1), 1)
      for first in stride(from: 0, to: item.rows.rowCount, by: step) {
        let rows = first..<min(first + step, item.rows.rowCount)
        try item.rows.withRows(rows) { try weights.append($0) }
        done += rows.count * item.tensor.rowByteCount
        progress(Double(done) / Double(weights.byteCount))
      }
    }
    try weights.finish()
    for (name, text) in documents {
      let file = try AtomicFile(path: folder.path(of: name))
      try file.append(Array(text.utf8))
      try file.commit()
    }
    for (name, source) in copies {
      let file = try AtomicFile(path: folder.path(of: name))
      try file.append(source.bytes(at: 0, count: source.byteCount))
      try file.commit()
    }
    try folder.commit()
    return weights.byteCount
  }
}
