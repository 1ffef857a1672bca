/// A place in a type: the type that a schema is derived of, and the keys that lead on.
struct CodingPlace: CustomStringConvertible {
  /// The elements of an array, or the values of a dictionary.
  struct Elements: CodingKey {
    let stringValue = "[]"
    let intValue: Int? = 0
    init() {}
    init?(stringValue: String) { nil }
    init?(intValue: Int) { nil }
  }

  /// As decoders name what a class takes over.
  struct Super: CodingKey {
    let stringValue = "super"
    let intValue: Int? = nil
    init() {}
    init?(stringValue: String) { nil }
    init?(intValue: Int) { nil }
  }

  let root: String
  var keys: [any CodingKey] = []

  func appending(_ key: any CodingKey) -> CodingPlace { CodingPlace(root: root, keys: keys + [key]) }

  var elements: CodingPlace { appending(Elements()) }

  var description: String {
    keys.reduce(root) { $1 is Elements ? "\($0)[]" : "\($0).\($1.stringValue)" }
  }
}
