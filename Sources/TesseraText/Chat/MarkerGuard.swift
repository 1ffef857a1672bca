import TesseraJSON

/// Keeps what a conversation says from being read as the model's markers.
///
/// A template mixes its own markers with the texts of messages in one string. So that both can be told apart in it, the
/// first scalar of every marker that a message contains is replaced by another (see `StandIns`) before the template
/// runs. The rest of the text, and its length, stay as they are: templates trim texts, look for `<think>` in them and
/// write them as JSON. In the rendered text no disguised marker matches, and the stand-ins are replaced again.
///
/// A marker that is put together from several texts, or from the two sides of something that the template cuts out, is
/// broken as well: its first part ends where the template may cut, which is at the text's end, at white space and at the
/// template's string literals.
struct MarkerGuard {
  private let markers: SpecialTokenMatcher
  private let controls: SpecialTokenMatcher
  private let literals: SpecialTokenMatcher
  private let visible: [JSONValue]
  private let texts: [String]
  /// Made when the first marker is found, since all texts are read for it.
  private var standIns: StandIns?

  /// - Parameter visible: everything that the template is given.
  init(_ tokenizer: Tokenizer, template: ChatTemplate, visible: [JSONValue]) {
    markers = tokenizer.markerMatcher
    controls = tokenizer.controlMatcher
    literals = template.literals
    self.visible = visible
    texts = [template.source] + template.template.stringLiterals
  }

  /// A value whose strings and keys contain no marker.
  ///
  /// - Parameter saidByModel: the value is an answer of the model's, whose text may contain those tokens that are shown:
  ///   of it only control tokens are markers.
  /// - Throws: `conversation` when all stand-ins are taken.
  mutating func disguised(_ value: JSONValue, saidByModel: Bool = false) throws(ChatError) -> JSONValue {
    switch value {
    case .null, .bool, .int, .double: return value
    case .string(let text): return .string(try disguised(text, saidByModel ? controls : markers))
    case .array(let elements):
      var result: [JSONValue] = []
      result.reserveCapacity(elements.count)
      for element in elements { result.append(try disguised(element, saidByModel: saidByModel)) }
      return .array(result)
    case .object(let object):
      var result = JSONObject()
      for (key, value) in object.members {
        let name = Self.isName(key) ? key : try disguised(key, saidByModel ? controls : markers)
        // Templates compare these with words of theirs.
        if key == "role" || key == "type", let text = value.stringValue, Self.isName(text) {
          result[name] = value
        } else {
          result[name] = try disguised(value, saidByModel: saidByModel)
        }
      }
      return .object(result)
    }
  }

  /// Whether a text is a word as programs name things.
  private static func isName(_ text: String) -> Bool {
    text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  /// The text with all disguises taken off.
  func restored(_ text: String) -> String {
    guard let standIns else { return text }
    return String(decoding: standIns.restored(Array(text.utf8)[...]), as: UTF8.self)
  }

  /// The bytes of a text with all disguises taken off.
  func restored(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> { standIns?.restored(text)[...] ?? text }

  private mutating func disguised(_ text: String, _ matcher: SpecialTokenMatcher) throws(ChatError) -> String {
    var places = breaks(in: text, matcher)[...]
    if places.isEmpty { return text }
    var standIns = standIns ?? StandIns(unusedIn: visible, texts)
    defer { self.standIns = standIns }
    var result = String.UnicodeScalarView()
    var end = 0
    for scalar in text.unicodeScalars {
      end += UTF8.width(scalar)
      guard let place = places.first, place < end else {
        result.append(scalar)
        continue
      }
      places = places.drop { $0 < end }
      guard let standIn = standIns.standIn(for: scalar) else {
        throw ChatError(
          .conversation, "the conversation contains every symbol that could stand in for one of a marker's: shorten it")
      }
      result.append(standIn)
    }
    return String(result)
  }

  /// The bytes at which a marker begins, or a part of one that the template may cut off.
  private func breaks(in text: String, _ matcher: SpecialTokenMatcher) -> [Int] {
    Array(text.utf8).withUnsafeBufferPointer { bytes in
      guard matcher.mayBegin(in: bytes) else { return [] }
      var isCut = [Bool](repeating: false, count: bytes.count + 1)
      var place = 0
      for scalar in text.unicodeScalars {
        isCut[place] = scalar.value <= 0x20 || scalar.properties.isWhitespace
        place += UTF8.width(scalar)
      }
      isCut[place] = true
      var literalEnds = [Int](repeating: 0, count: bytes.count)
      for match in literals.occurrences(in: bytes) {
        isCut[match.lowerBound] = true
        for index in match { literalEnds[index] = max(literalEnds[index], match.upperBound) }
      }
      return bytes.indices.filter { start in
        switch matcher.beginning(at: start, in: bytes, isCut: isCut) {
        case .whole: true
        // A cut inside of what the template looks for, such as </think>, is none: it has to find that.
        case .part(let end): end >= literalEnds[start]
        case .none: false
        }
      }
    }
  }
}
