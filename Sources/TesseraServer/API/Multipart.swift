import Foundation

/// The parts of a form (RFC 7578).
struct Multipart: Sendable {
  struct Part: Sendable {
    let name: String
    let fileName: String?
    let content: ArraySlice<UInt8>
  }

  let parts: [Part]
  private static let mostParts = 64

  /// - Throws: `APIError` for what is no form.
  init(_ body: [UInt8], contentType: String) throws(APIError) {
    guard let boundary = Self.parameter("boundary", of: contentType), (1...200).contains(boundary.utf8.count) else {
      throw Self.malformed("the content type names no boundary")
    }
    let dash = Array("--\(boundary)".utf8)
    guard var position = Self.find(dash, in: body[...]) else { throw Self.malformed("its boundary does not come") }
    var parts: [Part] = []
    while true {
      position += dash.count
      if body[position...].starts(with: Array("--".utf8)) { break }
      guard let lineEnd = Self.find([13, 10], in: body[position...]) else { throw Self.malformed("it ends too early") }
      let start = lineEnd + 2
      guard let end = Self.find([13, 10] + dash, in: body[(start - 2)...]) else {
        throw Self.malformed("it ends too early")
      }
      guard parts.count < Self.mostParts else { throw Self.malformed("it has more than \(Self.mostParts) parts") }
      if end >= start { parts.append(try Self.part(body[start..<end])) }
      position = end + 2
    }
    self.parts = parts
  }

  /// The text of a field; nil where there is none.
  func text(_ name: String) throws(APIError) -> String? {
    guard let part = parts.first(where: { $0.name == name }) else { return nil }
    guard let text = String(validating: part.content, as: UTF8.self) else {
      throw .invalid(name, "'\(name)' is no UTF-8 text.")
    }
    return text
  }

  /// The texts of a field that may come several times.
  func texts(_ name: String) -> [String] {
    parts.filter { $0.name == name }.map { String(decoding: $0.content, as: UTF8.self) }
  }

  private static func part(_ bytes: ArraySlice<UInt8>) throws(APIError) -> Part {
    guard let end = find([13, 10, 13, 10], in: bytes) else { throw malformed("a part has no end of its header fields") }
    let head = String(decoding: bytes[..<end], as: UTF8.self)
    for line in head.components(separatedBy: "\r\n") {
      let pair = line.split(separator: ":", maxSplits: 1)
      guard pair.count == 2, pair[0].lowercased() == "content-disposition" else { continue }
      let value = String(pair[1])
      guard let name = parameter("name", of: value) else { break }
      return Part(name: name, fileName: parameter("filename", of: value), content: bytes[(end + 4)...])
    }
    throw malformed("a part has no name")
  }

  /// A parameter of a header field's value.
  private static func parameter(_ name: String, of value: String) -> String? {
    for item in value.split(separator: ";").dropFirst() {
      let pair = item.split(separator: "=", maxSplits: 1)
      guard pair.count == 2, pair[0].trimmingCharacters(in: .whitespaces).lowercased() == name else { continue }
      return pair[1].trimmingCharacters(in: .whitespaces).trimmingCharacters(in: CharacterSet(charactersIn: "\""))
    }
    return nil
  }

  private static func malformed(_ why: String) -> APIError {
    APIError(400, "The body is no form that can be read: \(why).", code: "invalid_form")
  }

  /// Where bytes begin in others.
  private static func find(_ wanted: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
    bytes.withUnsafeBytes { text in
      wanted.withUnsafeBytes { wanted -> Int? in
        guard let base = text.baseAddress, let pattern = wanted.baseAddress, let first = wanted.first else {
          return nil
        }
        var position = 0
        while position + wanted.count <= text.count,
          let found = memchr(base + position, Int32(first), text.count - wanted.count + 1 - position)
        {
          position = UnsafeRawPointer(found) - base
          if memcmp(found, pattern, wanted.count) == 0 { return bytes.startIndex + position }
          position += 1
        }
        return nil
      }
    }
  }
}
