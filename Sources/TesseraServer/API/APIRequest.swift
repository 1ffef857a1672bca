import Foundation

/// A request as it came, its body whole.
package struct APIRequest: Sendable {
  package var method: String
  /// Without the query.
  package var path: String
  /// Names in lower case.
  package var headers: [String: String]
  package var body: [UInt8] = []

  package init(method: String, path: String, headers: [String: String] = [:], body: [UInt8] = []) {
    self.method = method
    self.path = String(path.prefix { $0 != "?" && $0 != "#" })
    (self.headers, self.body) = (headers, body)
  }

  /// The media type of the body, in lower case and without parameters; nil where none is given.
  var mediaType: String? {
    headers["content-type"]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
  }
}
