import Foundation
import TesseraFiles
import Testing

@testable import TesseraModels

/// `docs/families.md`: the families of the code, and the models that the tests run.
@Suite("The table of families")
struct FamilyTableTests {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let (begin, end) = ("<!-- families -->\n", "<!-- end of families -->\n")

  /// Beside what a real model's own program computes: a fixture whose tests need the model's path.
  private struct RealFixture: Decodable {
    let model: String
    let architecture: String
  }

  /// The models of random weights of each family, and in which files they are.
  private func seeded() throws -> [String: [String]] {
    var folders: [String: [String: [String]]] = [:]
    for fixture in FamilyFixture.all {
      let family = try Families.family(of: Hyperparameters(openCheckpoint(path: fixture.path)))
      let file = fixture.isQuantized ? "Q8_0" : fixture.isGGUF ? "GGUF" : "folder"
      folders["\(family)", default: [:]][fixture.folder, default: []].append(file)
    }
    for name in FamilySuites.OddModelTests.names {
      let path = try FamilyFixture.path("odd/\(name).gguf")
      let family = try Families.family(of: Hyperparameters(openCheckpoint(path: path)))
      folders["\(family)", default: [:]]["odd/\(name)", default: []].append("GGUF")
    }
    return folders.mapValues { models in
      // Models of the same kinds of files share a mention of them.
      let kinds = Dictionary(grouping: models.keys.sorted()) { models[$0]?.joined(separator: ", ") ?? "" }
      return kinds.sorted { ($0.value.first ?? "") < ($1.value.first ?? "") }.map { kind, names in
        "\(names.map { "`\($0)`" }.joined(separator: ", ")) (\(kind))"
      }
    }
  }

  /// The real models that tests compare, by the family's name.
  private func real() throws -> [String: [String]] {
    let folder = URL(fileURLWithPath: try FamilyFixture.path("."))
    let script = try String(contentsOf: Self.package.appendingPathComponent("scripts/verify-logits"), encoding: .utf8)
    let scripted = script.matches(of: /"([\w.-]+)": "(logits-[\w.-]+)"/).map { (model: $0.1, fixture: $0.2) }
    #expect(scripted.count > 3)
    var models: [String: [String]] = [:]
    let speech = try FileManager.default.contentsOfDirectory(atPath: FamilyFixture.path("speech")).map {
      "speech/\($0)"
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path) + speech
    for name in names.sorted() where name.hasSuffix(".json") {
      let data = try Data(contentsOf: folder.appendingPathComponent(name))
      guard let fixture = try? JSONDecoder().decode(RealFixture.self, from: data) else { continue }
      let kind = name.prefix { $0 != "-" && $0 != "." && $0 != "/" }
      let isGGUF = fixture.model.hasSuffix(".gguf")
      // Of families with one name the first is meant, as the runtime chooses.
      let family = try #require(
        Families.all.first { (isGGUF ? $0.ggufNames : $0.huggingFaceNames).contains(fixture.architecture) },
        "\(name): \(fixture.architecture)")
      models["\(family)", default: []].append("\(fixture.model.replacing(".gguf", with: "")) (\(kind))")
      // Models that the script alone compares, with the prompts of another.
      for other in scripted.filter({ "\($0.fixture).json" == name }).dropFirst() {
        models["\(family)", default: []].append("\(other.model) (`scripts/verify-logits`)")
      }
    }
    return models
  }

  /// What a family's comment calls it: all before the first colon.
  private func title(_ name: String, in sources: [String]) throws -> String {
    let source = try #require(sources.first { $0.contains("\nstruct \(name): ") }, "\(name) has no file")
    let head = source.components(separatedBy: "\nstruct \(name): ")[0].split(separator: "\n")
    let lines = head.reversed().prefix { $0.hasPrefix("///") }.reversed()
    let comment = lines.map { $0.dropFirst(3).trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    let title = comment.components(separatedBy: ": ")[0]
    #expect(title.count < comment.count && !title.isEmpty, "\(name)'s comment does not begin with its name and a colon")
    return title
  }

  private func table() throws -> String {
    let folder = Self.package.appendingPathComponent("Sources/TesseraModels/Families")
    let sources = try FileManager.default.contentsOfDirectory(atPath: folder.path).map {
      try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
    }
    let (seeded, real) = (try seeded(), try real())
    var text = ""
    for kind in FamilyKind.allCases {
      let families = FamilyDescription.all.filter { $0.kind == kind }
      guard !families.isEmpty else { continue }
      text += """

        ### \(kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst()): \(families.count)

        | models | `config.json` | GGUF | random weights | real weights |
        |---|---|---|---|---|

        """
      for family in families {
        let names = [family.huggingFaceNames, family.ggufNames].map { names in
          names.map { "`\($0)`" }.joined(separator: ", ")
        }
        let cells =
          [try title(family.name, in: sources)] + names
          + [seeded, real].map { ($0[family.name] ?? []).joined(separator: "; ") }
        text += "| \(cells.map { $0.isEmpty ? "–" : $0 }.joined(separator: " | ")) |\n"
      }
    }
    return text
  }

  @Test("docs/families.md is what the code and the fixtures say now: TESSERA_WRITE_FAMILIES=1 writes it")
  func written() throws {
    let file = Self.package.appendingPathComponent("docs/families.md")
    let page = try String(contentsOf: file, encoding: .utf8)
    let start = try #require(page.range(of: Self.begin)?.upperBound)
    let stop = try #require(page.range(of: Self.end, range: start..<page.endIndex)?.lowerBound)
    let table = try table() + "\n"
    if ProcessInfo.processInfo.environment["TESSERA_WRITE_FAMILIES"] != nil {
      try page.replacingCharacters(in: start..<stop, with: table).write(to: file, atomically: true, encoding: .utf8)
      return
    }
    let (lines, kept) = (Set(table.split(separator: "\n")), Set(page[start..<stop].split(separator: "\n")))
    #expect(lines.subtracting(kept).sorted().prefix(3) == [], "missing in the table")
    #expect(kept.subtracting(lines).sorted().prefix(3) == [], "in the table, but not so")
  }

  @Test("a family says that it has experts if its models have some, and no name is two families' of one kind")
  func kinds() throws {
    for fixture in FamilyFixture.all {
      let checkpoint = try openCheckpoint(path: fixture.path)
      let family = try Families.family(of: Hyperparameters(checkpoint))
      let marks = ["experts.", "_exps.", "block_sparse_moe."]
      let hasExperts = checkpoint.tensors.contains { tensor in marks.contains { tensor.name.contains($0) } }
      let isOfExperts = family.kind == .experts
      #expect(isOfExperts == hasExperts, "\(family)'s kind, beside \(fixture)")
    }
    #expect(FamilyDescription.all.count == Families.all.count)
    #expect(Set(FamilyDescription.all.map(\.kind)) == Set(FamilyKind.allCases), "a kind is no family's")
    let names = FamilyDescription.all.flatMap(\.huggingFaceNames)
    let distinct = Set(names).count
    #expect(distinct == names.count)
  }
}
