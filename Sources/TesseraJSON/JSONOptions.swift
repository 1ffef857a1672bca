/// The bounds of a JSON text and the choices that RFC 8259 leaves to its reader.
package struct JSONOptions: Sendable {
  /// The most bytes of text.
  package var byteCount = 100_000_000
  /// The most values of all kinds together. (The largest `tokenizer.json` files have 2 million.)
  package var valueCount = 1 << 22
  /// The most arrays and objects inside each other; at most 256 are, as each takes some of the stack.
  package var depth = 64
  /// Whether a key that comes twice in an object is an error. If not, it keeps its first place and its last value.
  package var refusesDuplicateKeys = true
  /// Whether `NaN`, `Infinity` and `-Infinity`, which Python's `json` writes, are numbers.
  package var allowsNonFinite = true
  /// Whether an integer beyond 64 bits is rounded to a `double`; if not, it is an error.
  package var roundsLargeIntegers = true

  /// The options for files that Python may have written: `config.json`, `tokenizer.json`.
  package static let file = JSONOptions()

  /// The options for a conversation or another request: RFC 8259 alone, and of a key that comes twice the last value
  /// counts, as with every other server. No number is changed, since templates print it.
  package static let request = {
    var options = JSONOptions()
    options.refusesDuplicateKeys = false
    options.allowsNonFinite = false
    options.roundsLargeIntegers = false
    return options
  }()

  /// Makes the options for files, to be changed field by field.
  package init() {}
}
