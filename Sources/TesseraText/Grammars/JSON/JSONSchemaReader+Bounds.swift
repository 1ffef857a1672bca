import TesseraJSON

/// What has been done for the schemas of one grammar, all together.
struct SchemaWork {
  var parts = 0
  var steps = 0
}

extension JSONSchemaReader {
  private static let partLimit = 20_000
  /// Values, names and pieces of texts that are looked at.
  private static let stepLimit = 2_000_000
  private static let nameLimit = 2_000

  /// Counts a part of the schema that is read, as often as it is.
  mutating func countPart(at place: String) throws(GrammarError) {
    guard !Task.isCancelled else { throw Self.error(.tooComplex, at: place, "its reading was cancelled") }
    work.parts += 1
    guard work.parts <= Self.partLimit else {
      throw Self.error(
        .tooComplex, at: place, "the schema has more than \(Self.partLimit) parts, with those that are read again")
    }
    try spend(SchemaValue.weight(of: place), at: place)
  }

  /// Counts what is looked at.
  mutating func spend(_ steps: Int, at place: String) throws(GrammarError) {
    work.steps += steps
    guard work.steps <= Self.stepLimit else {
      throw Self.error(
        .tooComplex, at: place, "what must hold together is too large, or is put together too often: make it smaller")
    }
  }

  mutating func spend(_ values: JSONValue?..., at place: String) throws(GrammarError) {
    for case let value? in values { try spend(SchemaValue(value).weight, at: place) }
  }

  /// Refuses what names too many members.
  func checkNames(_ fields: JSONObject, at place: String) throws(GrammarError) {
    guard try array("required", of: fields, at: place)?.count ?? 0 <= Self.nameLimit else {
      throw Self.error(.tooComplex, at: place, "'required' names more than \(Self.nameLimit) members")
    }
    let properties = try field("properties", of: fields, at: place, "an object") { $0.objectValue }
    guard properties?.count ?? 0 <= Self.nameLimit else {
      throw Self.error(
        .tooComplex, at: place,
        "'properties' has \(properties?.count ?? 0) members: at most \(Self.nameLimit) are possible")
    }
  }
}
