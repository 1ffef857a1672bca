/// A JSON object whose members keep the order in which they were first set.
///
/// Keys are compared by their Unicode scalars, as Python compares them: é and e + ´ are two keys.
public struct JSONObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  /// A key and its value.
  public typealias Member = (key: String, value: JSONValue)

  /// The members in order.
  public private(set) var members: [Member] = []
  /// Where each key stands; kept only for objects of more than `scanned` members, the others are searched through.
  private var positions: [ScalarString: Int] = [:]
  private static let scanned = 8

  /// Makes an object without members.
  public init() {}

  /// Makes an object of members; of a key that comes twice the last value counts.
  public init(_ members: some Sequence<(String, JSONValue)>) {
    for (key, value) in members { self[key] = value }
  }

  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }

  /// The number of members.
  public var count: Int { members.count }

  /// Whether there are no members.
  public var isEmpty: Bool { members.isEmpty }

  /// The keys in order.
  public var keys: [String] { members.map(\.key) }

  /// The value of a key; nil when there is none. Setting nil removes the member, which takes time in proportion to
  /// the object's size.
  public subscript(key: String) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      guard let newValue else { return remove(key) }
      if let position = position(of: key) {
        members[position].value = newValue
      } else {
        append(key, newValue)
      }
    }
  }

  /// Sets a member unless its key is taken; false where it is.
  mutating func insert(_ key: String, _ value: JSONValue) -> Bool {
    guard position(of: key) == nil else { return false }
    append(key, value)
    return true
  }

  private func position(of key: String) -> Int? {
    guard members.count > Self.scanned else { return members.firstIndex { $0.key.hasSameScalars(as: key) } }
    return positions[ScalarString(key)]
  }

  private mutating func append(_ key: String, _ value: JSONValue) {
    members.append((key, value))
    if members.count == Self.scanned + 1 {
      indexMembers()
    } else if members.count > Self.scanned {
      positions[ScalarString(key)] = members.count - 1
    }
  }

  private mutating func remove(_ key: String) {
    guard let position = position(of: key) else { return }
    members.remove(at: position)
    indexMembers()
  }

  private mutating func indexMembers() {
    positions = [:]
    guard members.count > Self.scanned else { return }
    for (index, member) in members.enumerated() { positions[ScalarString(member.key)] = index }
  }

  /// Whether both hold the same members, in whatever order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.count == right.members.count && left.members.allSatisfy { right[$0.key] == $0.value }
  }
}
