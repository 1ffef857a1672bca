import Foundation
import Synchronization
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators
import TestSupport
import Testing

/// Families beside references: one model at a time, they share the device.
@Suite("Families of models", .serialized)
enum FamilySuites {}

/// A matrix of float32 in base64, as the fixtures have it.
struct FixtureMatrix: Decodable {
  let shape: [Int]
  let values: [Float]

  private enum Key: CodingKey { case shape, float32 }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    shape = try container.decode([Int].self, forKey: .shape)
    let data = try container.decode(Data.self, forKey: .float32)
    values = data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
      }
    }
    guard values.count == shape.reduce(1, *) else {
      throw DecodingError.dataCorruptedError(forKey: .float32, in: container, debugDescription: "\(shape)")
    }
  }
}

/// What transformers computed in float64 (`Fixtures/families/README.md`).
struct FamilyReference: Decodable {
  struct Prompt: Decodable {
    let tokens: [Int]
    let logProbabilities: FixtureMatrix
    let generated: [Int]
    let tokensPerExpert: [[Int]]?
    /// The context that the model is run with, where it matters (LongRoPE).
    let context: Int?
  }
  struct Pair: Decodable {
    let source: [Int]
    let encoderHiddenStates: FixtureMatrix
    let target: [Int]
    let logProbabilities: FixtureMatrix
    let generated: [Int]
  }
  struct Text: Decodable {
    let tokens: [Int]
    let tokenTypes: [Int]
    let hiddenStates: FixtureMatrix
    /// Of labels, for the text or for each token.
    let scores: FixtureMatrix?
  }
  struct Sound: Decodable {
    /// (frames, bands).
    let features: FixtureMatrix
    let encoderHiddenStates: FixtureMatrix
    let target: [Int]
    let logProbabilities: FixtureMatrix
    let generated: [Int]
  }
  var prompts: [Prompt]?
  var pairs: [Pair]?
  var texts: [Text]?
  var sounds: [Sound]?
}

/// A tiny model of `Fixtures/families`: a folder, or a GGUF file in it.
struct FamilyFixture: Sendable, CustomStringConvertible {
  let folder: String
  /// The GGUF file's name; nil: the folder.
  let file: String?
  var isGGUF: Bool { file != nil }
  var isQuantized: Bool { file == "model-q8_0.gguf" }
  var description: String { file.map { "\(folder)/\($0)" } ?? folder }
  var path: String { get throws { try file.map { "\(try folderPath)/\($0)" } ?? folderPath } }

  init(folder: String, file: String?) { (self.folder, self.file) = (folder, file) }

  init(folder: String, isGGUF: Bool) { self.init(folder: folder, file: isGGUF ? "model.gguf" : nil) }

  /// Every folder of `Fixtures/families` that has a reference, and the GGUF files in it where there are some.
  static let all: [FamilyFixture] = {
    guard let root = try? path("families"), let names = try? FileManager.default.contentsOfDirectory(atPath: root)
    else { return [] }
    func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(root)/\(file)") }
    return names.sorted().filter { exists("\($0)/reference.json") }.flatMap { name in
      let files = ["model.gguf", "model-q8_0.gguf"].filter { (file: String) in exists("\(name)/\(file)") }
      return [FamilyFixture(folder: name, file: nil)] + files.map { FamilyFixture(folder: name, file: $0) }
    }
  }()

  /// Those whose reference has results of a kind: what a family is run as.
  static func all<Results>(with results: KeyPath<FamilyReference, Results?>) -> [FamilyFixture] {
    all.filter { (try? $0.reference())?[keyPath: results] != nil }
  }

  /// A folder or file of this target's fixtures.
  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)").path
  }

  var folderPath: String { get throws { try Self.path("families/\(folder)") } }

  func reference() throws -> FamilyReference {
    // A GGUF file may say less than its folder, as of T5's largest distance.
    let own = "\(try folderPath)/reference-gguf.json"
    let path = isGGUF && FileManager.default.fileExists(atPath: own) ? own : "\(try folderPath)/reference.json"
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(FamilyReference.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Calls `body` with a copy of a fixture's folder, changed.
  ///
  /// - Parameters:
  ///   - change: of `config.json`.
  ///   - header: the change of the weights' header.
  ///   - names: of tensors of four zeros more.
  static func withCopy<Result>(
    of folder: String, config change: ([String: Any]) -> [String: Any] = { $0 },
    header: ([String: Any]) -> [String: Any] = { $0 }, adding names: [String] = [], _ body: (String) throws -> Result
  ) throws -> Result {
    try withTemporaryFolder { copy in
      let original = URL(fileURLWithPath: try path("families/\(folder)"))
      func json(_ data: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      }
      let config = try json(Data(contentsOf: original.appendingPathComponent("config.json")))
      try JSONSerialization.data(withJSONObject: change(config)).write(to: copy.appendingPathComponent("config.json"))
      let weights = try Data(contentsOf: original.appendingPathComponent("model.safetensors"))
      let length = (0..<8).reduce(0) { $0 | Int(weights[$1]) << (8 * $1) }
      var entries = try header(json(weights[8..<8 + length]))
      var data = weights[(8 + length)...]
      for name in names {
        let range = [data.count, data.count + 16]
        entries[name] = ["dtype": "F32", "shape": [4], "data_offsets": range] as [String: Any]
        data += Data(count: 16)
      }
      let text = try JSONSerialization.data(withJSONObject: entries)
      var file = Data((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) })
      file += text + data
      try file.write(to: copy.appendingPathComponent("model.safetensors"))
      return try body(copy.path)
    }
  }

  func model(_ options: ModelRunner.Options = .init(), usesPrograms: Bool = false) throws -> FamilyModel {
    try FamilyModel(path: path, options, usesPrograms: usesPrograms)
  }
}

/// A model on the first of the tests' devices.
struct FamilyModel {
  let runner: ModelRunner

  /// Kernels that models share, each compiled once.
  private static let libraries = Mutex<[KernelStyle: KernelLibrary]>([:])

  /// - Parameter usesPrograms: whether steps are programs where they can be, which are compiled for each kind of step of
  ///   each family; launched one by one, most kernels are those of other families, too.
  init(path: String, _ options: ModelRunner.Options = .init(), usesPrograms: Bool = false) throws {
    let device = try #require(TestDevices.all.first).context().device
    let style = options.style ?? KernelStyle(for: device.profile)
    let library = try Self.libraries.withLock { libraries in
      if let library = libraries[style] { return library }
      let library = KernelLibrary(context: try Context(device), style: style)
      libraries[style] = library
      return library
    }
    var options = options
    options.usesPrograms = usesPrograms
    runner = try ModelRunner(openCheckpoint(path: path), on: device, options: options, library: library)
  }

  /// Logits of every token, (tokens, vocabularySize), in steps of `chunk` tokens.
  func logits(_ tokens: [Int], source: [Int]? = nil, chunk: Int = .max) throws -> [Float] {
    let sequence = runner.cache.makeSequence()
    defer { sequence.close() }
    if let source { _ = try runner.runSource(source, of: sequence) }
    return try logits(tokens, of: sequence, chunk: chunk)
  }

  func logits(_ tokens: [Int], of sequence: KVSequence, chunk: Int) throws -> [Float] {
    let size = min(chunk, tokens.count)
    return try stride(from: 0, to: tokens.count, by: size).flatMap { start in
      let tokens = Array(tokens[start..<min(start + size, tokens.count)])
      let result = try runner.run(Batch([.init(sequence: sequence, tokens: tokens, outputs: .all)]))
      return try runner.logits(result, rows: 0..<tokens.count)
    }
  }

  /// The likeliest tokens behind a prompt, each behind those before it.
  func greedy(_ prompt: [Int], source: [Int]? = nil, count: Int, adapter: Int? = nil) throws -> [Int] {
    let sequence = runner.cache.makeSequence(adapter: adapter)
    defer { sequence.close() }
    if let source { _ = try runner.runSource(source, of: sequence) }
    return try greedy(prompt, of: sequence, count: count)
  }

  func greedy(_ prompt: [Int], of sequence: KVSequence, count: Int) throws -> [Int] {
    let vocabulary = runner.profile.vocabularySize
    var row = try logits(prompt, of: sequence, chunk: .max).suffix(vocabulary)
    var tokens: [Int] = []
    while tokens.count < count {
      let best = row.indices.max { row[$0] < row[$1] }
      tokens.append(try #require(best) - row.startIndex)
      row = try logits([tokens[tokens.count - 1]], of: sequence, chunk: 1)[...]
    }
    return tokens
  }
}

/// The largest distance between log-probabilities of `logits` and those expected.
func worstLogProbability(_ logits: [Float], _ expected: FixtureMatrix) -> Double {
  let columns = expected.shape[1]
  guard logits.count == expected.values.count else { return .infinity }
  var worst = 0.0
  for start in stride(from: 0, to: logits.count, by: columns) {
    let row = logits[start..<start + columns].map { Double($0) }
    let most = row.max() ?? 0
    let logSum = log(row.reduce(0) { $0 + exp($1 - most) }) + most
    for (value, wanted) in zip(row, expected.values[start..<start + columns]) {
      let difference = abs(value - logSum - Double(wanted))
      worst = difference.isNaN ? .infinity : max(worst, difference)
    }
  }
  return worst
}

/// The largest distance between values, in units of the expected ones' root mean square.
func worstRelative(_ values: [Float], _ expected: [Float]) -> Double {
  guard values.count == expected.count else { return .infinity }
  let rms = (expected.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, expected.count))).squareRoot()
  return zip(values, expected).reduce(0.0) {
    let difference = abs(Double($1.0) - Double($1.1)) / rms
    return difference.isNaN ? .infinity : max($0, difference)
  }
}
