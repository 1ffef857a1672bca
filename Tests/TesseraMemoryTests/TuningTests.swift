import Foundation
import TestSupport
import Testing

@testable import TesseraMemory

@Suite("Tunings")
struct TuningTests {
  private static let name = Tuning.matmul(.many, "4-bit")

  private func entry(
    _ values: [String: Int], platform: String = "P", device: String = "D", driver: String = "1", width: Int = 16,
    style: KernelStyle = .vector
  ) -> TuningDatabase.Entry {
    .init(
      platform: platform, device: device, driver: driver, style: style, vectorWidth: width,
      choices: [Self.name: values])
  }

  @Test("a device that was not measured takes the choices of the one that is nearest in compute units")
  func nearest() {
    func entry(_ device: String, units: Int?, _ values: [String: Int], platform: String = "P") -> TuningDatabase.Entry {
      .init(
        platform: platform, device: device, driver: "1", style: .vector, vectorWidth: 1, computeUnits: units,
        choices: [Self.name: values])
    }
    var database = TuningDatabase()
    for (device, units, tiles) in [("A", 24, 2), ("B", 132, 4), ("C", 8, 8), ("D", nil, 16)] as [(String, Int?, Int)] {
      database.add(entry(device, units: units, ["TILES": tiles]))
    }
    database.add(entry("E", units: 100, ["TILES": 1], platform: "Q"))
    func tiles(_ device: String, units: Int?) -> Int? {
      database.tuning(for: entry(device, units: units, [:]))[Self.name, "TILES"]
    }
    #expect(tiles("X", units: 108) == 4 && tiles("X", units: 20) == 2 && tiles("X", units: 1) == 8)
    // The device's own goes before all.
    #expect(tiles("C", units: 132) == 8)
    // Of devices whose units are not known the last one.
    #expect(tiles("X", units: nil) == 16)
  }

  private func chosen(_ values: [String: Int], _ style: KernelStyle) -> Tuning {
    var tuning = Tuning()
    let isTaken = tuning.choose(values, for: Self.name, style: style)
    #expect(isTaken)
    return tuning
  }

  @Test("choices change the tiles of their class only")
  func tiles() throws {
    let tuning = chosen(["TILE_M": 8, "TILE_N": 1, "TILES": 16], .vector)
    let matrix = try TilePlan(limits: .cpu, headDim: 64, tuning: tuning).matrix
    let tile = matrix.tile(tokens: 100, weights: "4-bit")
    #expect((tile.tokens, tile.groups, tile.repeats, tile.groupSize) == (8, 1, 16, 1))
    // Gates and ups alternate: a tile of one group cannot hold both.
    #expect(matrix.tile(tokens: 100, weights: "4-bit", isGated: true).groups == 2)
    let plain = try TilePlan(limits: .cpu, headDim: 64).matrix
    for (tokens, weights) in [(8, "4-bit"), (1, "4-bit"), (100, "8-bit")] {
      #expect(
        matrix.tile(tokens: tokens, weights: weights) == plain.tile(tokens: tokens, weights: weights), "\(tokens)")
    }
    #expect(plain.tile(tokens: 100, weights: "4-bit").repeats == 8 && plain.tile(tokens: 1, weights: "").repeats == 1)
  }

  @Test("a work-group beyond the device's limit is not taken")
  func groupLimit() throws {
    let name = Tuning.attention(isOne: true, headDim: 64)
    var tuning = Tuning()
    tuning.choose(["LOCAL": 128], for: name, style: .simt)
    for limit in [64, 128] {
      var limits = DeviceLimits.gpu
      limits.maxWorkGroupSize = limit
      let plan = try TilePlan(limits: limits, headDim: 64, tuning: tuning)
      #expect(
        plan.attention.groupSize(isOne: true) == limit
          && plan.attention.tuning[name, "LOCAL"] == (limit < 128 ? nil : 128))
    }
  }

  @Test(
    "products of many tokens in the simt style have wide tiles, or those of few: a class of their own has no effect")
  func simtClasses() {
    #expect(Tuning.space(of: "matmul/many/4-bit", style: .simt) == nil)
    #expect(Tuning.space(of: "matmul/few/4-bit", style: .simt)?.keys.sorted() == ["AHEAD", "LOCAL", "SHARE"])
    #expect(Tuning.space(of: "matmul/many/4-bit", style: .vector)?["LOCAL"] == nil)
  }

  @Test("a device whose tuning failed counts as tuned with that version of its driver, until it is tuned")
  func failed() {
    var failed = entry([:], driver: "1")
    failed.problem = "no memory"
    var database = TuningDatabase()
    database.add(failed)
    #expect(database.isTuned(entry([:], driver: "1")) && !database.isTuned(entry([:], driver: "2")))
    database.add(entry([:], driver: "1"))
    #expect(database.isTuned(entry([:], driver: "2")) && database.entries.count == 1)
    #expect(!database.isTuned(entry([:], device: "E")))
  }

  @Test(
    "values, parameters and kernels that are not allowed are not taken",
    arguments: [
      ["TILE_M": 0], ["TILE_M": 1], ["TILE_M": -4], ["TILE_N": 3], ["TILES": .max], ["LOCAL": 64], ["WEIGHT_TYPE": 2],
      ["TILE_M": 12, "TILE_N": 5],
    ])
  func refusals(values: [String: Int]) {
    let other = ["TILE_N": 1]
    for (values, name) in [
      (values, Self.name), (other, "norm/many"), (other, ""), (other, "matmul/" + String(repeating: "x", count: 99)),
    ] {
      var tuning = Tuning()
      let isTaken = tuning.choose(values, for: name, style: .vector)
      #expect(!isTaken && tuning == Tuning())
    }
  }

  @Test("lookup falls back from device and driver to device, to platform, to nothing")
  func lookup() {
    var database = TuningDatabase()
    database.add(entry(["TILES": 1], device: "other"))
    func tiles(_ device: String, _ driver: String, platform: String = "P", width: Int = 16) -> Int? {
      database.tuning(for: entry([:], platform: platform, device: device, driver: driver, width: width))[
        Self.name, "TILES"]
    }
    #expect(tiles("D", "1") == 1)
    database.add(entry(["TILES": 2], driver: "0"))
    #expect(tiles("D", "1") == 2)
    database.add(entry(["TILES": 4]))
    #expect(tiles("D", "1") == 4 && tiles("D", "0") == 2)
    // Of two devices of the platform, the one that was measured last.
    #expect(tiles("E", "9") == 4)
    #expect(tiles("E", "9", width: 8) == nil && tiles("D", "1", platform: "Q") == nil)
    #expect(database.tuning(for: entry([:], style: .simt)) == Tuning())
    // Measured again: the class anew, others stay.
    var again = entry([:])
    again.choices = ["matmul/one/8-bit": ["TILE_N": 4]]
    database.add(again)
    #expect(tiles("D", "1") == 4 && database.entries.count == 3)
  }

  @Test("a written database is read back, and a missing one is empty")
  func file() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("new/tunings.json")
      #expect(TuningDatabase(contentsOf: url).note == nil)
      var database = TuningDatabase()
      database.add(entry(["TILE_M": 8]))
      try database.write(to: url)
      let read = TuningDatabase(contentsOf: url)
      #expect(read.entries == database.entries && read.note == nil)
      let files = try FileManager.default.contentsOfDirectory(atPath: url.deletingLastPathComponent().path)
      #expect(files == ["tunings.json"])
      #expect(throws: MemoryError.self) { try database.write(to: url.appendingPathComponent("x.json")) }
    }
  }

  @Test(
    "a damaged or foreign file is left out with a note",
    arguments: [
      "", "{", "[]", "null", #"{"version": 3, "entries": []}"#, #"{"version": 2, "entries": 3}"#,
      #"{"version": 1e99, "entries": []}"#, String(repeating: "[", count: 100_000),
      #"{"version": 2, "entries": [{"platform": "P"}]}"#,
      #"{"version":2,"entries":[{"platform":"P","device":"D","driver":"1","style":"warp","vectorWidth":16,"choices":{}}]}"#,
      #"{"version":2,"entries":[{"platform":"P","device":"D","driver":"1","style":"simt","vectorWidth":16,"choices":{"matmul/many/4-bit":{"TILES":1.5}}}]}"#,
      #"{"version":2,"entries":[{"platform":"P","device":"D","driver":"1","style":"simt","vectorWidth":99999999999999999999,"choices":{}}]}"#,
    ])
  func damaged(text: String) throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("tunings.json")
      try Data(text.utf8).write(to: url)
      let database = TuningDatabase(contentsOf: url)
      #expect(database.entries.isEmpty && database.note?.contains("tunings.json") == true)
    }
  }

  @Test("values that no kernel allows are left out with a note, and the others stay")
  func notAllowed() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("tunings.json")
      let text = #"""
        {"version":2,"entries":[{"platform":"P","device":"D","driver":"1","style":"vector","vectorWidth":16,"choices":
        {"matmul/many/4-bit":{"TILES":2},"matmul/one/4-bit":{"TILE_N":1000000},"rm -rf":{}}}]}
        """#
      try Data(text.utf8).write(to: url)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
      let database = TuningDatabase(contentsOf: url)
      #expect(database.entries.map(\.choices) == [["matmul/many/4-bit": ["TILES": 2]]])
      #expect(database.note?.contains("2 choices") == true)
      // Others could have written it.
      try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: url.path)
      #expect(TuningDatabase(contentsOf: url).entries.isEmpty)
    }
  }
}
