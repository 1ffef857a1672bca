import Foundation
import TestSupport
import Testing

/// A tiny model folder of `Tests/TesseraTests/Fixtures/families`, which has no tokenizer, with its reference.
struct FamilyFixture: Sendable, CustomStringConvertible {
  let name: String
  var description: String { name }

  init(_ name: String) { self.name = name }

  var folder: String { Self.fixtures.appendingPathComponent("families/\(name)").path }

  /// Calls `body` with a copy of the folder.
  private func withCopy(_ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { place in
      let copy = place.appendingPathComponent(name)
      try FileManager.default.copyItem(at: URL(fileURLWithPath: folder), to: copy)
      try body(copy)
    }
  }

  /// Calls `body` with a copy of the folder whose `config.json` says something else.
  func withConfig(_ changes: [String: Any], _ body: (String) throws -> Void) throws {
    try withCopy { copy in
      let path = copy.appendingPathComponent("config.json")
      let config = try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any]
      let changed = try #require(config).merging(changes) { $1 }
      try JSONSerialization.data(withJSONObject: changed).write(to: path)
      try body(copy.path)
    }
  }

  /// Calls `body` with a copy of the folder that has the SentencePiece files of `Fixtures/translation`.
  func withPieces(_ body: (String) throws -> Void) throws {
    let place = Self.fixtures.appendingPathComponent("translation/\(name)")
    try withCopy { copy in
      for file in try FileManager.default.contentsOfDirectory(at: place, includingPropertiesForKeys: nil) {
        try FileManager.default.copyItem(at: file, to: copy.appendingPathComponent(file.lastPathComponent))
      }
      try body(copy.path)
    }
  }

  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("TesseraTests/Fixtures")

  /// Calls `body` with a copy of the folder that has a small tokenizer of words, as BERT's.
  func withWords(_ body: (String) throws -> Void) throws {
    try withCopy { copy in
      try Data(WordTokenizer.document.utf8).write(to: copy.appendingPathComponent("tokenizer.json"))
      try body(copy.path)
    }
  }

  /// The prompts, pairs or texts of the reference, or cases of another file.
  func cases(_ key: String, in file: String = "reference.json") throws -> [[String: Any]] {
    let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file))
    let reference = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(reference[key] as? [[String: Any]])
  }

  /// The values of an array of a case.
  static func floats(_ value: Any?) throws -> [Float] {
    let text = try #require((value as? [String: Any])?["float32"] as? String)
    return try floats(#require(Data(base64Encoded: text)))
  }

  static func floats(_ data: Data) -> [Float] {
    let bytes = [UInt8](data)
    return stride(from: 0, to: bytes.count - bytes.count % 4, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
    }
  }

  /// Token ids as the command takes them.
  static func list(_ value: Any?) throws -> String {
    try #require(value as? [Int]).map(String.init).joined(separator: ",")
  }
}

extension CommandRun {
  /// The values of a `.npy` file that a command writes where `-o` says, and its shape as the file has it.
  static func array(_ arguments: [String]) throws -> (values: [Float], header: String) {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).npy").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let run = try CommandRun(arguments + ["-o", path, "--json"])
    #expect(run.status == 0 && run.errors.isEmpty, "\(arguments): \(run.status) \(run.errors)")
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let bytes = [UInt8](data.prefix(10))
    try #require(bytes.count == 10)
    let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
    return (
      FamilyFixture.floats(data.dropFirst(start)),
      String(decoding: data.dropFirst(10).prefix(start - 10), as: UTF8.self)
    )
  }
}

/// The largest difference of two arrays, which must be of one size.
func largestDifference(_ a: [Float], _ b: [Float], sourceLocation: SourceLocation = #_sourceLocation) -> Float {
  #expect(a.count == b.count && !a.isEmpty, sourceLocation: sourceLocation)
  return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

/// Logarithms of probabilities, of rows of logits.
func logProbabilities(_ logits: [Float], vocabulary: Int) -> [Float] {
  stride(from: 0, to: logits.count, by: vocabulary).flatMap { first in
    let row = logits[first..<first + vocabulary]
    let most = Double(row.max() ?? 0)
    let sum = log(row.reduce(0.0) { $0 + exp(Double($1) - most) }) + most
    return row.map { Float(Double($0) - sum) }
  }
}
