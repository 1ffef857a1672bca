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
///
/// Of bytes, since a start reads some megabytes of sources.
struct TopLevelNames {
  /// Functions, structs, types and tables.
  private(set) var definitions: Set<String> = []
  private(set) var macros: Set<String> = []

  private typealias Line = ArraySlice<UInt8>

  init(of text: String) {
    for line in Array(text.utf8).split(separator: UInt8(ascii: "\n")) {
      let line = Self.rest(of: line, after: "__attribute__((always_inline)) ") ?? line
      if let name = Self.rest(of: line, after: "#define ") {
        macros.insert(Self.firstName(name))
      } else if let function = Self.rest(of: line, after: "static inline ") ?? Self.rest(of: line, after: "INLINE ") {
        definitions.insert(Self.lastName(function.prefix { $0 != UInt8(ascii: "(") }))
      } else if let name = Self.rest(of: line, after: "TABLE_LANES(") {
        definitions.insert("table_lanes_" + Self.firstName(name))
      } else if line.last == UInt8(ascii: "{"), let name = Self.rest(of: line, after: "struct ") {
        definitions.insert(Self.firstName(name))
      } else if let type = Self.rest(of: line, after: "typedef ") {
        let declaration = type.firstRange(of: Array(" __attribute__".utf8)).map { type[..<$0.lowerBound] } ?? type
        definitions.insert(Self.lastName(declaration.prefix { $0 != UInt8(ascii: ";") }))
      } else if let table = Self.rest(of: line, after: "constant ") {
        definitions.insert(Self.lastName(table.prefix { $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "=") }))
      }
    }
    definitions.remove("")
    macros.remove("")
  }

  private static func rest(of line: Line, after prefix: StaticString) -> Line? {
    prefix.withUTF8Buffer { line.starts(with: $0) ? line.dropFirst($0.count) : nil }
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func firstName(_ text: Line) -> String {
    String(decoding: text.prefix(while: isPartOfName), as: UTF8.self)
  }

  private static func lastName(_ text: Line) -> String {
    guard let end = text.lastIndex(where: isPartOfName) else { return "" }
    let start = text[...end].lastIndex { !isPartOfName($0) }.map { $0 + 1 } ?? text.startIndex
    return String(decoding: text[start...end], as: UTF8.self)
  }
}
