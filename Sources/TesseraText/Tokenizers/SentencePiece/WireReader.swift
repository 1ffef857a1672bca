/// Reads fields of a message of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/).
struct WireReader {
  /// What a field holds, by its wire type.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  private var rest: ArraySlice<UInt8>
  /// The file and message that errors name.
  private let place: String

  init(_ bytes: ArraySlice<UInt8>, place: String) {
    rest = bytes
    self.place = place
  }

  /// The next field's number and value; nil at the end.
  /// - Throws: `TextError` `.malformedFile` where the bytes are no field.
  mutating func next() throws(TextError) -> (field: Int, value: Value)? {
    if rest.isEmpty { return nil }
    let key = try varint()
    guard key >> 3 > 0, key >> 3 < 1 << 29 else { throw damaged("there is no field \(key >> 3)") }
    let field = Int(key >> 3)
    switch key & 7 {
    case 0: return (field, .varint(try varint()))
    case 1: return (field, .fixed64(try fixed(8)))
    case 2:
      let length = try varint()
      guard length <= UInt64(rest.count) else {
        throw damaged("field \(field) has \(length) bytes, of which \(rest.count) are there")
      }
      return (field, .bytes(take(Int(length))))
    case 5: return (field, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw damaged("field \(field) is of the wire type \(key & 7), which is not in use")
    }
  }

  /// The error for a field whose value is not of its kind.
  func damaged(_ problem: String) -> TextError {
    TextError(.malformedFile, "\(place): \(problem); it is no SentencePiece model or damaged, get the file again")
  }

  private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    let taken = rest.prefix(count)
    rest = rest.dropFirst(count)
    return taken
  }

  private mutating func varint() throws(TextError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = rest.popFirst() else { throw damaged("the file ends within a number") }
      // Of the tenth byte one bit is left.
      if shift == 63, byte > 1 { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw damaged("a number has more than 64 bits")
  }

  private mutating func fixed(_ count: Int) throws(TextError) -> UInt64 {
    guard rest.count >= count else { throw damaged("the file ends within a number") }
    return take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension WireReader.Value {
  var number: UInt64? { if case .varint(let value) = self { value } else { nil } }
  var bytes: ArraySlice<UInt8>? { if case .bytes(let value) = self { value } else { nil } }
  var float: Float? { if case .fixed32(let bits) = self { Float(bitPattern: bits) } else { nil } }
}
