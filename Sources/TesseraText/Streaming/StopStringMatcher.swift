/// Watches text that arrives in pieces for strings at which it must stop.
///
/// Text that could be the beginning of a stop string is held back until it is known whether it is; all else is passed
/// on at once. The string that is complete first wins (the longest of those that end together), so that the result
/// does not depend on how the text was cut into pieces. Each stop string is followed by its own automaton
/// (Knuth, Morris and Pratt), which takes constant time a byte.
package struct StopStringMatcher: Sendable {
  private struct Stop: Sendable {
    let bytes: [UInt8]
    /// How much of the beginning is still matched when the byte after so many matched bytes is another.
    let fallbacks: [Int]
    var matched = 0

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      var fallbacks = [0]
      var length = 0
      for byte in bytes.dropFirst() {
        while length > 0, bytes[length] != byte { length = fallbacks[length - 1] }
        if bytes[length] == byte { length += 1 }
        fallbacks.append(length)
      }
      self.fallbacks = fallbacks
    }

    /// Whether the string is complete with this byte.
    mutating func advance(_ byte: UInt8) -> Bool {
      while matched > 0, bytes[matched] != byte { matched = fallbacks[matched - 1] }
      if bytes[matched] == byte { matched += 1 }
      return matched == bytes.count
    }
  }

  private var stops: [Stop]
  /// The text that is held back.
  private var pending: [UInt8] = []
  /// Whether a stop string has been found. All text after it is dropped.
  package private(set) var isStopped = false

  /// A matcher for some strings. Empty ones, which would match everywhere, are left out.
  package init(_ strings: [String]) {
    stops = strings.filter { !$0.isEmpty }.map { Stop(Array($0.utf8)) }
  }

  /// Takes the next piece of text.
  /// - Returns: the text that can be passed on, and whether a stop string was found. The stop string itself and what
  ///   follows it are in no `text`.
  package mutating func append(_ text: String) -> (text: String, isStopped: Bool) {
    if isStopped { return ("", true) }
    if stops.isEmpty { return (text, false) }
    for byte in text.utf8 {
      pending.append(byte)
      var found = 0
      for index in stops.indices where stops[index].advance(byte) { found = max(found, stops[index].bytes.count) }
      if found > 0 {
        isStopped = true
        let before = String(decoding: pending.dropLast(found), as: UTF8.self)
        pending = []
        return (before, true)
      }
    }
    let held = stops.reduce(0) { max($0, $1.matched) }
    let free = String(decoding: pending.dropLast(held), as: UTF8.self)
    pending.removeFirst(pending.count - held)
    return (free, false)
  }

  /// The text that was held back, at the end, or before what no stop string reaches over; nothing after a stop string.
  package mutating func finish() -> String {
    defer { pending = [] }
    for index in stops.indices { stops[index].matched = 0 }
    return String(decoding: pending, as: UTF8.self)
  }
}
