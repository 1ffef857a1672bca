import TesseraJSON

/// Keeps what a conversation says from being read as the model's markers.
///
/// A template mixes its own markers with the texts of messages in one string. So that both can be told apart in it, the
/// first scalar of every marker that a message contains is replaced by another (see `StandIns`) before the template
/// runs. The rest of the text, and its length, stay as they are: templates trim texts, look for `<think>` in them and
/// write them as JSON. In the rendered text no disguised marker matches, and the stand-ins are replaced again.
///
/// A marker that is put together from several texts, or from the two sides of something that the template cuts out, is
/// broken as well: its first part ends where a text, the text without space at its end, or one of the template's string
/// literals tells that the template may cut.
struct MarkerGuard {
  private let markers: SpecialTokenMatcher
  private let controls: SpecialTokenMatcher
  private let literals: SpecialTokenMatcher
  private var standIns: StandIns

  /// - Parameter visible: everything that the template is given.
  init(_ tokenizer: Tokenizer, template: ChatTemplate, visible: [JSONValue]) {
    markers = tokenizer.markerMatcher
    controls = tokenizer.controlMatcher
    let texts = template.template.stringLiterals
    let bytes = ByteStrings(texts: texts)
    literals = SpecialTokenMatcher(
      ids: Array(bytes.indices), texts: bytes, attributes: bytes.map { _ in .userDefined })
    standIns = StandIns(unusedIn: visible, [template.source] + texts)
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
        result[try disguised(key, saidByModel ? controls : markers)] = try disguised(value, saidByModel: saidByModel)
      }
      return .object(result)
    }
  }

  /// The text with all disguises taken off.
  func restored(_ text: String) -> String { standIns.restored(text) }

  private mutating func disguised(_ text: String, _ matcher: SpecialTokenMatcher) throws(ChatError) -> String {
    var places = breaks(in: Array(text.utf8), matcher)[...]
    if places.isEmpty { return text }
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
  private func breaks(in text: [UInt8], _ matcher: SpecialTokenMatcher) -> [Int] {
    text.withUnsafeBufferPointer { text in
      guard matcher.mayBegin(in: text) else { return [] }
      var isCut = [Bool](repeating: false, count: text.count + 1)
      var isInLiteral = [Bool](repeating: false, count: text.count)
      isCut[text.count] = true
      isCut[1 + (text.lastIndex { $0 > 0x20 } ?? -1)] = true
      for match in literals.occurrences(in: text) {
        isCut[match.lowerBound] = true
        // What the template looks for, such as </think>, has to be found by it.
        if match.count > 2 { for index in match { isInLiteral[index] = true } }
      }
      return text.indices.filter { start in
        let found = matcher.beginning(at: start, in: text, isCut: isCut)
        return found == .whole || found == .part && !isInLiteral[start]
      }
    }
  }
}
