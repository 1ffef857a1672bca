import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Mutated tokenizer files")
struct MutatedTokenizerTests {
  private static let edges: [JSONValue] = [
    0, 1, -1, 2, 256, .int(.max), .int(.min), 1e300, "", "a", "▁", "é", "a*",
    .string(String(repeating: "a", count: 1_024)),
    true, false, nil, [], [:], ["type": "ByteLevel"], ["type": "Metaspace", "replacement": "▁"], ["String": "a"],
    ["Regex": "a?"],
    ["type": "Replace", "pattern": ["String": "a"], "content": .string(String(repeating: "a", count: 1_024))],
  ]

  /// Changes what an object, a list or a value is, not the bytes that it is written in.
  private static func mutated(_ value: JSONValue, _ generator: inout RepeatableGenerator) -> JSONValue {
    switch value {
    case .object(var object) where !object.isEmpty && Int.random(in: 0..<5, using: &generator) > 0:
      let key = object.keys.randomElement(using: &generator) ?? ""
      let other = object.keys.randomElement(using: &generator) ?? ""
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: object[key] = nil
      case 1: (object[key], object[other]) = (object[other], object[key])
      default: object[key] = mutated(object[key] ?? nil, &generator)
      }
      return .object(object)
    case .array(var list) where !list.isEmpty && Int.random(in: 0..<5, using: &generator) > 0:
      let index = Int.random(in: 0..<list.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: list.remove(at: index)
      case 1: list.insert(contentsOf: [JSONValue](repeating: list[index], count: 40), at: index)
      case 2: list.swapAt(index, Int.random(in: 0..<list.count, using: &generator))
      default: list[index] = mutated(list[index], &generator)
      }
      return .array(list)
    case .object where Bool.random(using: &generator):
      // Nested and repeated.
      let list = JSONValue.array([JSONValue](repeating: value, count: Int.random(in: 1...40, using: &generator)))
      return ["type": "Sequence", "normalizers": list, "pretokenizers": list, "decoders": list, "processors": list]
    case .int(let number) where Bool.random(using: &generator): return .int(number ^ 1)
    default: return edges.randomElement(using: &generator) ?? nil
    }
  }

  @Test("tokenizers whose files are changed in structure are refused or work, within bounds of time and size")
  func structure() throws {
    let fixture = try TokenizerJSONFixture()
    let text = "Hello wörld, aaa 123 <s>▁ 日本語 é\u{301} \u{FDFA}\n\tdon't"
    var generator = RepeatableGenerator(state: 17)
    var outcomes = (loaded: 0, refused: 0)
    for whole in try fixture.tokenizers() {
      for _ in 0..<40 {
        var json = whole.json
        for _ in 0..<Int.random(in: 1...3, using: &generator) { json = Self.mutated(json, &generator) }
        let start = ContinuousClock.now
        defer { #expect(ContinuousClock.now - start < .seconds(20), "\(whole.name)") }
        guard let tokenizer = try? Tokenizer(huggingFace: HuggingFaceTokenizerFiles(tokenizer: json, path: "")) else {
          outcomes.refused += 1
          continue
        }
        outcomes.loaded += 1
        guard let ids = try? tokenizer.encode(text) else { continue }
        #expect(ids.count <= 33 * text.utf8.count + 4_096 + 1 << 16)
        #expect(ids.allSatisfy { (0..<tokenizer.vocabularyCount).contains($0) })
        guard let decoded = try? tokenizer.decodeBytes(ids, includingControl: true) else { continue }
        let stored = ids.reduce(0) { $0 + tokenizer.components.tokens[$1].count }
        #expect(decoded.count <= 33 * stored + 4_096 + 3 * ids.count)
      }
    }
    #expect(outcomes.loaded > 100 && outcomes.refused > 100, "\(outcomes)")
  }
}
