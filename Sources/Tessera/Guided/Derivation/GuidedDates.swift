import Foundation

extension JSONDecoder {
  /// Decodes what answers are held to: dates as RFC 3339 has them, data in base64.
  static var guided: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      guard let date = Date(rfc3339: text) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "\"\(text)\" is no date of the form 2026-01-31T12:00:00Z")
      }
      return date
    }
    return decoder
  }
}

extension Date {
  /// A date of the Gregorian calendar, which counts for early ones, too.
  init?(rfc3339 text: String) {
    let form = /(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d(?:\.\d+)?)(?:Z|([+-])(\d\d):(\d\d))/
    guard let match = text.wholeMatch(of: form)?.output, let second = Double(match.6) else { return nil }
    let numbers = [match.1, match.2, match.3, match.4, match.5].compactMap { Int($0) }
    guard numbers.count == 5 else { return nil }
    var minutes = numbers[3] * 60 + numbers[4]
    if let sign = match.7, let hour = match.8.flatMap({ Int($0) }), let minute = match.9.flatMap({ Int($0) }) {
      minutes -= (hour * 60 + minute) * (sign == "-" ? -1 : 1)
    }
    // Months are counted from March on: the day that a leap year adds is a year's last.
    let (month, year) = ((numbers[1] + 9) % 12, numbers[0] - (numbers[1] < 3 ? 1 : 0))
    let days = year * 365 + Self.floor(year, 4) - Self.floor(year, 100) + Self.floor(year, 400) + (month * 153 + 2) / 5
    self.init(timeIntervalSince1970: Double((days + numbers[2] - 719_469) * 86_400 + minutes * 60) + second)
  }

  private static func floor(_ number: Int, _ divisor: Int) -> Int {
    Int((Double(number) / Double(divisor)).rounded(.down))
  }
}
