import TesseraJSON
import TestSupport
import Testing

@testable import TesseraText

@Suite("tokenizer.json with changed structure")
struct TokenizerStructureTests {
  private static let edges: [JSONValue] = [
    0, 1, -1, 2, 100, .int(.max), .int(.min), 0.5, 1e300, "", "a", "\u{0}", "▁", nil, true, false, [], [:], [[]],
    .string(String(repeating: "a", count: 1_024)), ["type": "ByteLevel"], ["Regex": "a?"], ["String": "a"],
    ["type": "Replace", "pattern": ["String": "a"], "content": .string(String(repeating: "a", count: 1_024))],
  ]

  /// The document with one of its values at an edge, of another type, repeated, nested, doubled or left out.
  private func changed(_ value: JSONValue, _ random: inout RepeatableGenerator, depth: Int = 0) -> JSONValue {
    let goesOn = depth < 2 || Int.random(in: 0..<5, using: &random) > 0
    if goesOn, var object = value.objectValue, let key = object.keys.randomElement(using: &random) {
      // The vocabulary has many keys, and the few that steer are elsewhere.
      let key = key == "vocab" && depth == 1 ? object.keys.randomElement(using: &random) ?? key : key
      let removes = Int.random(in: 0..<12, using: &random) == 0
      object[key] = removes ? nil : changed(object[key] ?? nil, &random, depth: depth + 1)
      return .object(object)
    }
    if goesOn, var array = value.arrayValue, let index = array.indices.randomElement(using: &random) {
      array[index] = changed(array[index], &random, depth: depth + 1)
      return .array(array)
    }
    switch Int.random(in: 0..<8, using: &random) {
    case 0: return .array(Array(repeating: value, count: 6))
    case 1:
      let many = JSONValue.array(Array(repeating: value, count: Int.random(in: 1...40, using: &random)))
      return ["type": "Sequence", "normalizers": many, "pretokenizers": many, "decoders": many, "processors": [value]]
    case 2: return (0..<200).reduce(value) { nested, _ in [nested] }
    case 3: return value.arrayValue.map { .array($0 + $0) } ?? [value]
    default: return Self.edges.randomElement(using: &random) ?? nil
    }
  }

  @Test(
    "what is read works within bounds, and what is written for a GGUF file reads back; all else is an error",
    .timeLimit(.minutes(60)))
  func structures() throws {
    let documents = try TokenizerJSONFixture().tokenizers().map(\.json)
    let texts = [
      "Hello  don't foo é 中 123", "<s>▁##ing</s>\n\t", String(repeating: "a ", count: 200), "\u{301}\u{200D}👩",
    ]
    var random = RepeatableGenerator(state: 17)
    var (refused, ran, written) = (0, 0, 0)
    for _ in 0..<400 {
      let start = processorTime()
      defer { #expect(processorTime() - start < .seconds(20)) }
      let document = changed(documents.randomElement(using: &random) ?? nil, &random)
      let files = HuggingFaceTokenizerFiles(tokenizer: document, path: "model")
      guard let tokenizer = try? Tokenizer(huggingFace: files) else {
        refused += 1
        continue
      }
      ran += 1
      for text in texts {
        // An unknown character may have no token.
        guard let ids = try? tokenizer.encode(text) else { continue }
        #expect(ids.count <= GrowthLimit(bytes: text.utf8.count).left + text.utf8.count + 64)
        let stored = ids.reduce(0) { $0 + tokenizer.components.tokens[$1].count }
        let decoded = try? tokenizer.decodeBytes(ids, includingControl: true)
        // A decoder may put a space before each token.
        #expect(decoded?.count ?? 0 <= GrowthLimit(bytes: stored).left + stored + 3 * ids.count)
      }
      var notes: [String] = []
      guard let definition = try? TokenizerDefinition(of: tokenizer, modelName: "", notes: &notes) else { continue }
      written += 1
      _ = try Tokenizer(definition)
    }
    #expect(refused > 50 && ran > 50 && written > 10, "\(refused) refused, \(ran) ran, \(written) written")
  }
}
