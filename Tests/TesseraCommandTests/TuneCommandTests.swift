import Foundation
import TestSupport
import Testing

@Suite("The tessera command's tuner")
struct TuneCommandTests {
  @Test("tune keeps what it found, begins there again, and leaves a damaged file out with a note")
  func tune() throws {
    try withTemporaryFolder { folder in
      let environment = ["TESSERA_CACHE": folder.path]
      func tune(_ more: String...) throws -> (run: CommandRun, classes: [[String: Any]]) {
        let run = try CommandRun(
          ["tune", "--seconds", "2", "--type", "Q4_0", "--json"] + more, environment: environment)
        return (run, try #require(try run.object()["classes"] as? [[String: Any]]))
      }
      let database = folder.appendingPathComponent("tunings.json")
      let dry = try tune("--dry-run")
      #expect(dry.run.status == 0 && !FileManager.default.fileExists(atPath: database.path))
      let first = try tune()
      #expect(first.run.status == 0 && first.run.errors.isEmpty)
      // On a CPU recorded steps are what matters most.
      #expect(first.classes.first?["name"] as? String == "step/many/4-bit")
      for row in first.classes {
        #expect(row["refused"] as? [String] == [] && (row["gain"] as? Double ?? 0) >= 1)
      }
      #expect(FileManager.default.fileExists(atPath: database.path))
      #expect(try tune().run.errors.isEmpty)

      try Data("{".utf8).write(to: database)
      let again = try tune()
      // The document has it: with --json nothing else is printed.
      #expect(again.run.status == 0 && again.run.errors.isEmpty)
      #expect((try again.run.object()["note"] as? String)?.hasPrefix("\(database.path): ignored") == true)
      #expect(try tune().run.errors.isEmpty)
    }
  }

  @Test("times and types that cannot be are usage errors", arguments: [["--seconds", "0"], ["--type", "q9"]])
  func usage(arguments: [String]) throws {
    #expect(try CommandRun(["tune"] + arguments).status == 64)
  }

  @Test("a model loads beside a damaged database, with a note")
  func damaged() throws {
    try SyntheticModel.llama.withFile { path in
      try withTemporaryFolder { folder in
        try Data("[]".utf8).write(to: folder.appendingPathComponent("tunings.json"))
        let run = try CommandRun(
          ["generate", "-m", path, "-p", "x", "-n", "1"], environment: ["TESSERA_CACHE": folder.path])
        #expect(run.status == 0 && run.errors.contains("note: ") && run.errors.contains("tunings.json"))
      }
    }
  }
}
