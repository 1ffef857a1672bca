import TesseraFiles
import TesseraText

/// A folder's tokenizer as a GGUF file has it: `tokenizer.*`, in llama.cpp's terms.
package struct TokenizerExport: Sendable {
  /// Keys and values, in order; empty where the folder has no tokenizer, or one that cannot be expressed.
  package private(set) var entries: [(key: String, value: MetadataValue)] = []
  /// In what the file differs from the folder, each in a sentence.
  package private(set) var notes: [String] = []

  /// - Parameters:
  ///   - source: of a folder.
  ///   - vocabularySize: rows of the model's embedding, each of which gets a token.
  /// - Throws: `FileError` and `TextError` for damaged documents, `TesseraError` for a tokenizer of another model.
  package init(_ source: ModelSource, vocabularySize: Int) throws {
    let tokenizer: Tokenizer
    do {
      tokenizer = try source.tokenizer(vocabularySize: vocabularySize)
    } catch let error as TesseraError where error.code == .noTokenizer {
      notes = ["\(error.message)"]
      return
    } catch let error as TextError
      where [.unsupportedComponent, .unsupportedModel, .unsupportedPattern].contains(error.code)
    {
      notes = ["\(error.message): the file takes token ids alone (--tokens)"]
      return
    }
    var definition: TokenizerDefinition
    do {
      definition = try TokenizerDefinition(of: tokenizer, modelName: source.name, notes: &notes)
    } catch {
      notes = ["\(source.path): \(error.message), which takes token ids alone (--tokens)"]
      return
    }
    definition.pad(to: vocabularySize)
    // Where the tokenizer's own files name none, llama.cpp would take GPT-2's.
    func token(_ ids: [Int]) -> Int? { ids.first { definition.tokens.indices.contains($0) } }
    definition.bosToken = try definition.bosToken ?? token(source.beginToken().map { [$0] } ?? [])
    definition.eosToken = try definition.eosToken ?? token(source.tokenRules(takesSource: false).ends.sorted())
    entries = ModelSource.entries(definition)
    addTemplates(try source.chatTemplates(of: tokenizer))
  }

  /// The usual template, and the others by their names, as llama.cpp's converter writes them.
  private mutating func addTemplates(_ templates: [String: String]) {
    let named = templates.filter { $0.key != "default" }.sorted { $0.key < $1.key }.filter { name, _ in
      let isPlain = name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789_".utf8.contains($0) }
      if !isPlain { notes.append("the chat template '\(name)' is left out, whose name a GGUF file cannot have") }
      return isPlain
    }
    if !named.isEmpty {
      entries.append((ModelSource.templateNamesKey, .array(MetadataArray(strings: named.map(\.key)))))
    }
    for (name, text) in named { entries.append((ModelSource.templateKey(name), .string(text))) }
    if let text = templates["default"] { entries.append((ModelSource.templateKey("default"), .string(text))) }
  }
}
