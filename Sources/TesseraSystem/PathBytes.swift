/// Paths as the operating system has them: bytes without a zero, which need not be UTF-8.
///
/// A path is a `String` here as everywhere. Bytes that are not UTF-8 stand in it as the last 128 scalars of Unicode's
/// last private plane (U+10FF80 for 0x80 to U+10FFFF for 0xFF), and so do the bytes of those scalars themselves, so that
/// every name has one string and every such string its name. Messages show them as U+FFFD.
private let escapes: ClosedRange<UInt32> = 0x10_FF80...0x10_FFFF

extension String {
  /// The text that stands for a path's bytes.
  package init(pathBytes bytes: some Sequence<UInt8>) {
    self.init()
    func escape(_ byte: UInt8) -> Unicode.Scalar { Unicode.Scalar(0x10_FF00 | UInt32(byte)) ?? "\u{FFFD}" }
    let bytes = Array(bytes)
    var parser = Unicode.UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var offset = 0
    while true {
      switch parser.parseScalar(from: &iterator) {
      case .emptyInput:
        return
      case .valid(let encoded):
        let scalar = Unicode.UTF8.decode(encoded)
        if escapes.contains(scalar.value) {
          unicodeScalars.append(contentsOf: encoded.map(escape))
        } else {
          unicodeScalars.append(scalar)
        }
        offset += encoded.count
      case .error(let length):
        unicodeScalars.append(contentsOf: bytes[offset..<offset + length].map(escape))
        offset += length
      }
    }
  }

  /// The bytes of the path that this text stands for.
  package var pathBytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(utf8.count)
    for scalar in unicodeScalars {
      if escapes.contains(scalar.value) {
        bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      } else {
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    return bytes
  }

  /// Calls `body` with the path as C has it: its bytes and a zero.
  package func withPathPointer<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    var bytes = pathBytes.map { CChar(bitPattern: $0) }
    bytes.append(0)
    // The array has an element, and so an address; `withCString` is never reached.
    return bytes.withUnsafeBufferPointer { $0.baseAddress.map(body) } ?? withCString(body)
  }

  /// This path without what stands for bytes, for people to read.
  package var shownPath: String {
    var result = ""
    for scalar in unicodeScalars {
      result.unicodeScalars.append(escapes.contains(scalar.value) ? "\u{FFFD}" : scalar)
    }
    return result
  }
}

extension CommandLine {
  /// The command's arguments, the first being its own name, with every byte: `arguments` loses those that are not UTF-8.
  package static var pathArguments: [String] {
    (0..<Int(argc)).compactMap { index in
      guard let argument = unsafeArgv[index] else { return nil }
      return String(pathBytes: UnsafeRawBufferPointer(start: argument, count: length(argument)))
    }
  }

  private static func length(_ text: UnsafePointer<CChar>) -> Int {
    var count = 0
    while text[count] != 0 { count += 1 }
    return count
  }
}
