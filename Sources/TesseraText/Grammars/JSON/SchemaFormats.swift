/// Formats of strings as regular expressions, which are stricter than the standards in places, and never laxer.
enum SchemaFormats {
  static let patterns: [String: String] = [
    "date": date,
    "time": time,
    "date-time": "(?:\(date))T\(time)",
    "duration": duration,
    "email": "\(local)(?:\\.\(local)){0,3}@\(host)",
    "hostname": host,
    "ipv4": "\(octet)(?:\\.\(octet)){3}",
    "ipv6": ipv6,
    "uri": "[a-z][a-z0-9+.-]{1,15}://\(host)(?::[1-9][0-9]{0,3})?\(path)",
    "uuid": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
  ]

  private static let year = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
  private static let leapYear =
    "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
  private static let day = "(?:0[1-9]|1[0-9]|2[0-8])"
  private static let date =
    "(?:\(year)-(?:(?:0[1-9]|1[0-2])-\(day)|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)|\(leapYear)-02-29)"
  private static let hour = "(?:[01][0-9]|2[0-3])"
  private static let time = "\(hour):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-]\(hour):[0-5][0-9])"

  private static let second = "[0-9]{1,4}S"
  private static let minute = "[0-9]{1,4}M(?:\(second))?"
  private static let hours = "[0-9]{1,4}H(?:\(minute))?"
  private static let clock = "T(?:\(hours)|\(minute)|\(second))"
  private static let days = "[0-9]{1,4}D"
  private static let months = "[0-9]{1,4}M(?:\(days))?"
  private static let years = "[0-9]{1,4}Y(?:\(months))?"
  private static let duration = "P(?:(?:\(days)|\(months)|\(years))(?:\(clock))?|\(clock)|[0-9]{1,4}W)"

  private static let local = "[A-Za-z0-9_+-]{1,16}"
  private static let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
  private static let host = "(?:\(label)\\.){1,4}[A-Za-z]{2,16}"
  private static let path =
    "(?:/[A-Za-z0-9._~-]{0,64}){0,16}(?:\\?[A-Za-z0-9._~=&-]{0,256})?(?:#[A-Za-z0-9._~-]{0,64})?"

  private static let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
  private static let group = "[0-9a-fA-F]{1,4}"
  /// All groups, or one gap of at least one.
  private static let ipv6 =
    "(?:(?:\(group):){7}\(group)|::(?:\(group)(?::\(group)){0,6})?"
    + (1...6).map { "|(?:\(group):){\($0)}(?:(?::\(group)){1,\(7 - $0)}|:)" }.joined() + "|(?:\(group):){7}:)"
}
