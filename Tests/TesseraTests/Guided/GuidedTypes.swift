import Foundation

@testable import Tessera

// Types whose schemas are derived, one of each kind.

struct Recipe: Decodable, Sendable, Equatable {
  let title: String
  let minutes: Int
  let steps: [String]
}

struct Scalars: Decodable, Sendable {
  let bool: Bool
  let byte: Int8
  let natural: UInt
  let word: UInt16
  let wide: Int128
  let half: Float16
  let float: Float
  let double: Double
  let decimal: Decimal
  let date: Date
  let id: UUID
  let page: URL
  let data: Data
}

enum Mood: String, Decodable, Sendable, CaseIterable {
  case good, bad = "b\"ad"
}

enum Grade: Int, Decodable, Sendable, CaseIterable {
  case low = 1
  case high = 5
}

struct Renamed: Decodable, Sendable {
  let mood: Mood
  let grade: Grade?
  let moods: [Mood]

  enum CodingKeys: String, CodingKey {
    case mood = "the_mood"
    case grade, moods
  }
}

struct Collections: Decodable, Sendable {
  let counts: [String: Int]
  let table: [[Double]]
  let names: Set<String>
  let maybe: [Int?]
  let both: [String: [Bool]]?
}

/// Holds itself, and another that holds it.
struct Tree: Decodable, Sendable {
  let value: Int
  let children: [Tree]
  let twig: Twig?

  final class Twig: Decodable, Sendable {
    let tree: Tree
    let leaves: [String: Twig]
  }
}

final class Link: Decodable, Sendable {
  let next: Link?
}

class Animal: Decodable {
  let name: String
  enum CodingKeys: String, CodingKey { case name }
}

/// Decodes what its class has from the same object.
final class Dog: Animal {
  let age: Int

  enum DogKeys: String, CodingKey { case age }

  required init(from decoder: any Decoder) throws {
    age = try decoder.container(keyedBy: DogKeys.self).decode(Int.self, forKey: .age)
    try super.init(from: decoder)
  }
}

/// Decodes what its class has from a member.
final class Cat: Animal {
  let lives: Int

  enum CatKeys: String, CodingKey { case lives }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CatKeys.self)
    lives = try container.decode(Int.self, forKey: .lives)
    try super.init(from: container.superDecoder())
  }
}

/// Takes parts of objects and arrays by itself.
struct Nested: Decodable, Sendable {
  let x: Int
  let pair: (Int, String)
  let rest: [Bool]

  enum Keys: String, CodingKey { case outer, inner, pair, rest }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    x = try container.nestedContainer(keyedBy: Keys.self, forKey: .outer).decode(Int.self, forKey: .inner)
    var pair = try container.nestedUnkeyedContainer(forKey: .pair)
    self.pair = (try pair.decode(Int.self), try pair.decode(String.self))
    var (items, rest) = (try container.nestedUnkeyedContainer(forKey: .rest), [Bool]())
    while !items.isAtEnd { rest.append(try items.decode(Bool.self)) }
    self.rest = rest
  }
}

/// One value in a type of its own.
struct Celsius: Decodable, Sendable {
  let degrees: Double
  init(from decoder: any Decoder) throws { degrees = try decoder.singleValueContainer().decode(Double.self) }
}

struct Pair<A: Decodable & Sendable, B: Decodable & Sendable>: Decodable, Sendable {
  let a: A
  let b: B
}

/// Coding keys that can be listed make its cases known; the first needs a value of the last.
indirect enum Expression: Decodable, Sendable {
  case sum(Expression, Expression)
  case call(name: String, with: [Expression])
  case zero
  case number(Int)

  enum CodingKeys: CodingKey, CaseIterable { case sum, call, zero, number }
}

/// Its decoder takes what it knows; its schema says what that is.
enum Shape: Decodable, Sendable, JSONSchemaProviding {
  case circle(Double)
  case square(Double)

  static let jsonSchema = """
    {"anyOf": [{"type": "object", "properties": {"radius": {"$ref": "#/$defs/size"}}, "required": ["radius"]},
               {"type": "object", "properties": {"side": {"$ref": "#/$defs/size"}}, "required": ["side"]}],
     "$defs": {"size": {"type": "number", "minimum": 1, "maximum": 9}}}
    """

  enum Keys: String, CodingKey { case radius, side }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    if let radius = try container.decodeIfPresent(Double.self, forKey: .radius) {
      self = .circle(radius)
    } else {
      self = .square(try container.decode(Double.self, forKey: .side))
    }
    switch self {
    case .circle(let size), .square(let size):
      guard (1...9).contains(size) else {
        throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "the size is \(size)"))
      }
    }
  }
}

struct Drawing: Decodable, Sendable {
  let first: Shape
  let others: [Shape]
  let note: Note

  /// Its schema says how long it may be.
  struct Note: Decodable, Sendable, JSONSchemaProviding {
    static let jsonSchema = #"{"type": "string", "pattern": "^[a-z]{2,8}$", "description": "a word"}"#
    let text: String
    init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
  }
}
