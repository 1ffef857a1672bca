/// The bounds of a JSON text and the choices that RFC 8259 leaves to its reader.
public struct JSONOptions: Sendable {
  /// The most bytes of text.
  public var byteCount = 100_000_000
  /// The most values of all kinds together. (The largest `tokenizer.json` files have 2 million.)
  public var valueCount = 1 << 22
  /// The most arrays and objects inside each other; at most 256 are, as each takes some of the stack.
  public var depth = 64
  /// Whether a key that comes twice in an object is an error. If not, it keeps its first place and its last value.
  public var refusesDuplicateKeys = true
  /// Whether `NaN`, `Infinity` and `-Infinity`, which Python's `json` writes, are numbers.
  public var allowsNonFinite = true
  /// Whether an integer beyond 64 bits is rounded to a `double`; if not, it is an error.
  public var roundsLargeIntegers = true

  /// The options for files that Python may have written: `config.json`, `tokenizer.json`.
  public static let file = JSONOptions()

  /// The options for a conversation or another request: RFC 8259 alone, and of a key that comes twice the last value
  /// counts, as with every other server. No number is changed, since templates print it.
  public static let request = {
    var options = JSONOptions()
    options.refusesDuplicateKeys = false
    options.allowsNonFinite = false
    options.roundsLargeIntegers = false
    return options
  }()

  /// Makes the options for files, to be changed field by field.
  public init() {}
}
