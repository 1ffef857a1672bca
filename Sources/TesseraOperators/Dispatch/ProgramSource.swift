/// The source of a step program: the bodies of the variants that it uses, and a case for each
/// (`Kernels/step/step_program.cl`).
///
/// Bodies come from files that are kernels of their own elsewhere. Each variant is included with its constants, and all
/// that its files define at their top gets the variant's number before its name, so that a program may hold any number
/// of variants of one file.
enum ProgramSource {
  struct Variant: Hashable {
    var variant: KernelVariant
    var blockName: String
    var viewCount: Int
  }

  private static let arguments = "include/TesseraArguments.h"

  static func source(of variants: [Variant], rootCount: Int, heldSums: Int) throws(OperatorError) -> String {
    var text = try KernelSource.resolved(arguments)
    var cases = ""
    for (number, entry) in variants.enumerated() {
      let prefix = "v\(number)_"
      let body = try KernelSource.resolved(entry.variant.file, besides: [arguments])
      let names = TopLevelNames(of: body)
      let constants =
        [("PROGRAM", 1), ("SIMT", 0), ("HELD_SUMS", heldSums)] + entry.variant.defines.map { ($0.name, $0.value) }
      for name in names.definitions.sorted() { text += "#define \(name) \(prefix)\(name)\n" }
      for (name, value) in constants { text += "#define \(name) \(value)\n" }
      text += body
      for name in names.definitions.union(names.macros).union(constants.map(\.0)).sorted() {
        text += "#undef \(name)\n"
      }
      cases += " OPERATOR(\(number), \(prefix)\(entry.variant.function)_body, \(entry.blockName), \(entry.viewCount))"
    }
    let roots = (0..<rootCount).map { "r\($0)" }
    text += "#define PROGRAM_PARAMETERS \(roots.map { "global uchar *\($0)" }.joined(separator: ", "))\n"
    text += "#define PROGRAM_ROOTS \(roots.joined(separator: ", "))\n"
    text += "#define PROGRAM_CASES\(cases)\n"
    return text + (try KernelSource.resolved("step/step_program.cl"))
  }
}

/// Names that a kernel file and what it includes define outside of functions.
struct TopLevelNames {
  /// Functions, structs, types and tables.
  private(set) var definitions: Set<String> = []
  private(set) var macros: Set<String> = []

  init(of text: String) {
    for line in text.split(separator: "\n") {
      if line.hasPrefix("#define ") {
        macros.insert(Self.firstName(line.dropFirst("#define ".count)))
      } else if let range = line.firstRange(of: "static inline ") {
        // The macro that defines a table's function has the name in its argument.
        if line.first == " " { continue }
        definitions.insert(Self.lastName(line[range.upperBound...].prefix { $0 != "(" }))
      } else if line.hasPrefix("TABLE_LANES(") {
        definitions.insert("table_lanes_" + Self.firstName(line.dropFirst("TABLE_LANES(".count)))
      } else if line.hasPrefix("struct "), line.hasSuffix("{") {
        definitions.insert(Self.firstName(line.dropFirst("struct ".count)))
      } else if line.hasPrefix("typedef ") {
        let declaration = line.firstRange(of: " __attribute__").map { line[..<$0.lowerBound] } ?? line
        definitions.insert(Self.lastName(declaration.prefix { $0 != ";" }))
      } else if line.hasPrefix("constant ") {
        definitions.insert(Self.lastName(line.prefix { $0 != "[" && $0 != "=" }))
      }
    }
    definitions.remove("")
    macros.remove("")
  }

  private static func isPartOfName(_ c: Character) -> Bool { c == "_" || c.isASCII && (c.isLetter || c.isNumber) }

  private static func firstName(_ text: Substring) -> String { String(text.prefix(while: isPartOfName)) }

  private static func lastName(_ text: Substring) -> String {
    let trimmed = text.reversed().drop { !isPartOfName($0) }
    return String(trimmed.prefix(while: isPartOfName).reversed())
  }
}
