import ArgumentParser
import Tessera

/// What the text of an answer must be.
struct ConstraintOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Answer with a JSON document that is valid by this schema: a file, - for standard input, or the schema itself.",
      valueName: "file|text"))
  var jsonSchema: String?

  @Option(help: ArgumentHelp("Answer with a text of this grammar in llama.cpp's language (GBNF).", valueName: "file"))
  var grammar: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Answer with a text that this regular expression matches as a whole.", valueName: "expression"))
  var regex: String?

  private var names: [String] {
    [("--json-schema", jsonSchema), ("--grammar", grammar), ("--regex", regex)].compactMap { $1 == nil ? nil : $0 }
  }

  func validate() throws {
    if names.count > 1 { throw ValidationError("\(names.joined(separator: " and ")) exclude each other") }
  }

  /// - Throws: `ValidationError` where answers are searched for by beams.
  func check(_ beams: BeamOptions) throws {
    if let name = names.first, beams.beams != nil { throw ValidationError("\(name) and --beams exclude each other") }
  }

  /// The constraint, which is read before any model is.
  ///
  /// - Throws: `InputError` that names the option.
  func constraint() throws -> TokenConstraint? {
    do {
      if let jsonSchema { return try .jsonSchema(isSchema(jsonSchema) ? jsonSchema : text(of: jsonSchema)) }
      if let grammar { return try .gbnf(text(of: grammar)) }
      return try regex.map { try .regex($0) }
    } catch let error as GrammarError {
      throw InputError(message: "\(names.joined()): \(error.message)")
    }
  }

  private func text(of file: String) throws -> String {
    String(decoding: try InputText.read(file, limit: 16 << 20), as: UTF8.self)
  }

  private func isSchema(_ text: String) -> Bool { text.first { !$0.isWhitespace } == "{" }
}
