import ArgumentParser
import Foundation
import TesseraModels

struct FamiliesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "families", abstract: "List the families of models that can be run, and what files call them.")

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "Names only.")
  var quiet = false

  func run() throws {
    let families = FamilyDescription.all
    guard !json else { return try Terminal.printJSON(families.map(Row.init)) }
    for family in families {
      guard !quiet else {
        Terminal.print(family.name)
        continue
      }
      Terminal.print("\(family.name), \(family.kind.rawValue)")
      for (label, names) in [("config.json", family.huggingFaceNames), ("GGUF", family.ggufNames)]
      where !names.isEmpty {
        Terminal.print("   \(label.padding(toLength: 13, withPad: " ", startingAt: 0))\(names.joined(separator: ", "))")
      }
    }
  }

  /// Named as the document names them.
  private struct Row: Encodable {
    let name, kind: String
    let architectures, gguf_architectures: [String]

    init(_ family: FamilyDescription) {
      (name, kind) = (family.name, family.kind.rawValue)
      (architectures, gguf_architectures) = (family.huggingFaceNames, family.ggufNames)
    }
  }
}
