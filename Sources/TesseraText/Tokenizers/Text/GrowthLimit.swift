/// How much longer the steps of a tokenizer may make a text. Each of them can multiply it, and the files that say what
/// they insert are not trusted.
struct GrowthLimit: Sendable {
  /// A ligature of 3 bytes becomes 33 by NFKC, which is the most that steps without an insertion make of a character.
  private static let perByte = 32
  private static let constant = 4_096
  /// The most bytes that a model encodes.
  private static let most = Int(Int32.max) / 3

  /// The bytes that may still be added.
  private(set) var left = constant
  private var input = 0

  /// The growth that is allowed to a text of so many bytes.
  init(bytes: Int = 0) { add(bytes: bytes) }

  /// Takes in more text.
  mutating func add(bytes: Int) {
    input += bytes
    left = min(left + Self.perByte * bytes, max(Self.most - input, 0))
  }

  /// Counts what a step has made of a text.
  mutating func count(from old: Int, to new: Int) throws(TextError) {
    left -= max(new - old, 0)
    guard left >= 0 else {
      throw TextError(
        .tooLong,
        "the tokenizer's steps make more than \(Self.perByte) times as much of a text of \(input) bytes, or more than "
          + "\(Self.most) bytes; split it, or get the tokenizer's files again")
    }
  }
}
