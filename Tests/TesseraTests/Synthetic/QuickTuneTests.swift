import Foundation
import TesseraCL
import TesseraMemory
import TesseraOperators
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  @Suite("The first minute on an unknown GPU")
  struct QuickTuneTests {
    private func tune(_ folder: URL, seconds: Double) throws -> QuickTune {
      QuickTune(
        device: try Device.select(nil), style: .simt, formats: [.q8_0], seconds: seconds,
        url: folder.appendingPathComponent("tunings.json"))
    }

    @Test("a GPU is tuned once, and what is found is kept; other devices are not")
    func once() throws {
      try withTemporaryFolder(once)
    }

    private func once(_ folder: URL) throws {
      let tune = try tune(folder, seconds: 0.5)
      for type in [DeviceProfile.DeviceType.cpu, .accelerator, .other] { #expect(!tune.isNeeded(on: type)) }
      #expect(tune.isNeeded(on: .gpu))
      var shares: [Double] = []
      let start = processorTime()
      try tune.run { shares.append($0) }
      #expect(shares.first == 0 && shares.last == 1 && shares == shares.sorted())
      // What is compiled when the time is over is compiled to its end.
      #expect(processorTime() - start < .seconds(120))
      #expect(!tune.isNeeded(on: .gpu))
      let entries = TuningDatabase(contentsOf: tune.url).entries
      #expect(entries.count == 1 && entries[0].style == .simt)
      #expect(entries[0].computeUnits == tune.device.profile.computeUnits)
    }

    @Test("nothing is kept of a tuning whose task is canceled")
    func cancelled() async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      let tune = try tune(folder, seconds: 60)
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        try tune.run { _ in }
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(tune.isNeeded(on: .gpu) && !FileManager.default.fileExists(atPath: tune.url.path))
    }

    @Test("a tuning that fails is not tried again until something else is known of the device")
    func failed() throws {
      try withTemporaryFolder(failed)
    }

    private func failed(_ folder: URL) throws {
      struct Broken: Error {}
      var tune = try tune(folder, seconds: 5)
      tune.bench = { _, _ in throw Broken() }
      var shares: [Double] = []
      try tune.run { shares.append($0) }
      #expect(shares == [0, 1] && !tune.isNeeded(on: .gpu))
      let entries = TuningDatabase(contentsOf: tune.url).entries
      #expect(entries.count == 1 && entries[0].choices.isEmpty && entries[0].problem?.contains("Broken") == true)
    }

    @Test("a folder that cannot be written costs only the tuning")
    func unwritable() throws {
      try withTemporaryFolder { folder in
        let file = folder.appendingPathComponent("file")
        try Data().write(to: file)
        let tune = try tune(file, seconds: 0)
        try tune.run { _ in }
        #expect(tune.isNeeded(on: .gpu))
      }
    }
  }
}
