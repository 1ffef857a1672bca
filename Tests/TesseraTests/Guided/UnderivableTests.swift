import Foundation
import Testing

@testable import Tessera

@Suite("Types of which no JSON schema can be derived")
struct UnderivableTests {
  struct Holder<T: Decodable>: Decodable {
    let part: [T]
  }

  enum NoCases: String, Decodable { case a, b }
  enum Payload: Decodable { case number(Int), text(String) }
  enum Bare: Decodable, CaseIterable { case a, b }
  struct Keyed: Decodable { let counts: [Int: String] }
  final class Endless: Decodable { let next: Endless }
  struct Growing<T: Decodable>: Decodable {
    init(from decoder: any Decoder) throws {
      _ = try decoder.container(keyedBy: Key.self).decode([Growing<[T]>].self, forKey: .a)
    }
  }
  struct Even: Decodable {
    init(from decoder: any Decoder) throws {
      guard try decoder.singleValueContainer().decode(Int.self) == 2 else { throw CancellationError() }
    }
  }
  enum Key: String, CodingKey { case a, b }
  struct Looks: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      if container.contains(.a) { _ = try container.decode(Int.self, forKey: .a) }
    }
  }
  struct LooksForNull: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      if try !container.decodeNil(forKey: .a) { _ = try container.decode(Int.self, forKey: .a) }
    }
  }
  struct AllKeys: Decodable {
    init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: Key.self).allKeys }
  }
  struct TwoWays: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      _ = try container.decode(Int.self, forKey: .a)
      _ = try? container.decode(String.self, forKey: .a)
    }
  }
  struct TwoForms: Decodable {
    init(from decoder: any Decoder) throws {
      _ = try decoder.container(keyedBy: Key.self)
      _ = try? decoder.unkeyedContainer()
    }
  }
  struct Greedy: Decodable {
    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      while let _ = try? container.decode(Int.self) {}
    }
  }
  struct Swallows: Decodable {
    init(from decoder: any Decoder) throws {
      _ = try? decoder.container(keyedBy: Key.self).decode(NoCases.self, forKey: .b)
    }
  }
  enum Level: Int, Decodable { case low, mid, high }
  enum Ratio: Double, Decodable { case none, half = 0.5, whole = 1 }
  enum Flag: String, Decodable { case none = "", a }
  struct ByKind: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      if try container.decode(Grade.self, forKey: .a) == .high { _ = try container.decode(Int.self, forKey: .b) }
    }
  }
  struct ByBool: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      _ =
        try container.decode(Bool.self, forKey: .a)
        ? container.decode(Int.self, forKey: .b) : container.decodeIfPresent(Int.self, forKey: .b) ?? 0
    }
  }
  struct ByPresence<T: Decodable>: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      if try container.decodeIfPresent(T.self, forKey: .a) != nil { _ = try container.decode(Int.self, forKey: .b) }
    }
  }
  struct ByNull: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      if try container.decode(Celsius?.self, forKey: .a) != nil { _ = try container.decode(Int.self, forKey: .b) }
    }
  }
  struct ByCount: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      if try !container.decode([Mood].self, forKey: .a).isEmpty { _ = try container.decode(Int.self, forKey: .b) }
    }
  }
  struct ByPart: Decodable {
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      if case .number = try container.decode(Expression.self, forKey: .a) {
        _ = try container.decode(Int.self, forKey: .b)
      }
    }
  }
  struct Positive: Decodable {
    let number: Int
    init(from decoder: any Decoder) throws {
      number = try decoder.singleValueContainer().decode(Int.self)
      guard number >= 0 else { throw CancellationError() }
    }
  }
  struct NoJSON: Decodable, JSONSchemaProviding { static let jsonSchema = "{" }
  struct Refuses: Decodable, JSONSchemaProviding {
    static let jsonSchema = #"{"const": 1}"#
    init(from decoder: any Decoder) throws { throw CancellationError() }
  }
  struct NeedsRefuses: Decodable { let part: Refuses }

  private func message<T: Decodable>(_ type: T.Type) -> String {
    do {
      let schema = try GuidedSchema(type)
      Issue.record("\(type): \(schema.text)")
      return ""
    } catch {
      let error = error as? GuidedError
      #expect(error?.code == .underivable && error?.text == nil)
      return error?.message ?? "\(type)"
    }
  }

  @Test("the error names the place, the reason and what to do")
  func places() {
    let noCases = message(Holder<NoCases>.self)
    #expect(noCases.contains("Holder<NoCases>.part[]") && noCases.contains("CaseIterable"))
    for text in [message(Payload.self), message(Bare.self)] {
      #expect(text.contains("allKeys") && text.contains("coding keys that are CaseIterable"))
    }
    #expect(message(Keyed.self).contains("Keyed.counts") && message(Keyed.self).contains("are Int"))
    #expect(message(Even.self).contains("refuses the values") && message(Even.self).contains("JSONSchemaProviding"))
    #expect(message(Swallows.self).contains("Swallows.b"))
    #expect(message(Looks.self).contains("Looks.a") && message(Looks.self).contains("contains"))
    #expect(message(LooksForNull.self).contains("decodeNil"))
    #expect(message(AllKeys.self).contains("allKeys"))
    #expect(message(TwoWays.self).contains("TwoWays.a cannot be derived: it is decoded in two ways"))
    #expect(message(TwoForms.self).contains("an object and from an array"))
    #expect(message(Greedy.self).contains("64"))
    #expect(message(NoJSON.self).contains("NoJSON.jsonSchema"))
    #expect(message(NeedsRefuses.self).contains("refuses 1"))
  }

  @Test("an enumeration whose cases cannot be listed is refused, whatever its first case is")
  func unlisted() {
    for text in [message(Level.self), message(Ratio.self), message(Flag.self), message(Holder<Level>.self)] {
      #expect(text.contains("cannot be listed") && text.contains("CaseIterable"), "\(text)")
    }
  }

  @Test("what decodes something else, or nothing, where a value is another one is refused")
  func dependent() {
    for text in [
      message(ByKind.self), message(ByBool.self), message(ByPresence<Int>.self), message(ByPresence<Celsius>.self),
      message(ByNull.self), message(ByCount.self), message(ByPart.self),
    ] {
      #expect(text.contains(".a cannot be derived: what else By"), "\(text)")
      #expect(text.contains("depends on its value") && text.contains("JSONSchemaProviding"), "\(text)")
    }
    let positive = message(Holder<Positive>.self)
    #expect(positive.contains("part[] cannot be derived: Positive refuses some of its values, such as -1"))
  }

  @Test("what holds itself without end is refused, and nothing goes on for ever")
  func endless() {
    #expect(message(Endless.self).contains("every Endless holds another one"))
    #expect(message(Growing<Int>.self).contains("deep"))
  }

  @Test("a schema that a type gives and that cannot be guaranteed is the grammar's error")
  func unsupported() {
    struct Odd: Decodable, JSONSchemaProviding { static let jsonSchema = #"{"type": "integer", "multipleOf": 2}"# }
    #expect(throws: GrammarError.self) { _ = try GuidedSchema(Odd.self) }
  }
}
