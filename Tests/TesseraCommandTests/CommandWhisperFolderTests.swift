import Foundation
import TestSupport
import Testing

@Suite(
  "The tessera command on models of CTranslate2's", .serialized,
  .enabled(if: CommandRun.path != nil, "there is no command to test"))
struct CommandWhisperFolderTests {
  private let source = FamilyFixture("../ctranslate2/float16").folder

  @Test("convert makes a Hugging Face folder")
  func convert() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("whisper").path
      let run = try CommandRun(["convert", source, path, "--json"])
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      let document = try run.object()
      #expect(document["output"] as? String == path && document["tensors"] as? Int == 74)
      let size = try FileManager.default.attributesOfItem(atPath: path + "/model.safetensors")[.size] as? Int
      #expect(document["bytes"] as? Int == size && (document["notes"] as? [String])?.count == 1)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
          "config.json", "generation_config.json", "model.safetensors", "preprocessor_config.json",
        ])
      let again = try CommandRun(["convert", source, path])
      #expect(again.isOneError && again.errors.contains("something is there already"), "\(again.errors)")
    }
  }

  @Test("its numbers stay, and it is not run as it is: each error says what to do")
  func refusals() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("whisper").path
      let typed = try CommandRun(["convert", source, path, "--type", "q8_0"])
      #expect(typed.isOneError && typed.errors.contains("without --type"), "\(typed.errors)")
      #expect(!FileManager.default.fileExists(atPath: path))
      let inspected = try CommandRun(["inspect", source])
      #expect(inspected.isOneError && inspected.errors.contains("make a folder of it with `tessera convert`"))
    }
  }
}
