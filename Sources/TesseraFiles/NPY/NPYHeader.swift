import TesseraSystem

/// The header of a `.npy` file: a Python dictionary with exactly the keys `descr`, `fortran_order` and `shape`.
struct NPYHeader {
  var type: NPYType
  var shape: [Int]

  /// The most bytes that a header may have.
  private static let byteLimit = 65_536

  /// Reads the header and says where the data begins.
  static func read(_ file: MappedFile) throws(FileError) -> (NPYHeader, dataOffset: Int) {
    let contents = file.contents
    guard contents.starts(with: NPY.magic) else {
      throw FileError(.notNPY, path: file.path, "this is not a .npy file: name one that numpy.save wrote")
    }
    guard contents.count >= 12 else { throw truncated(file) }
    let version = contents[6]
    guard (1...3).contains(version), contents[7] == 0 else {
      throw FileError(
        .unsupportedVersion, path: file.path,
        "the .npy version is \(version).\(contents[7]), and only 1.0, 2.0 and 3.0 can be read")
    }
    let short = Int(UInt16(littleEndian: contents.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    let long = Int(UInt32(littleEndian: contents.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    let (start, count) = version == 1 ? (10, short) : (12, long)
    guard count <= byteLimit else {
      throw FileError(.tooLarge, path: file.path, "the header has \(count) bytes, and at most \(byteLimit) are read")
    }
    guard count <= contents.count - start else { throw truncated(file) }
    var parser = NPYHeaderParser(text: Array(contents[start..<start + count]), path: file.path)
    return (try parser.header(), start + count)
  }

  private static func truncated(_ file: MappedFile) -> FileError {
    FileError(.truncated, path: file.path, "the file ends inside its header: write it again")
  }
}

/// Parses the dictionary, in any order of its keys.
private struct NPYHeaderParser {
  let text: [UInt8]
  let path: String
  var position = 0

  mutating func header() throws(FileError) -> NPYHeader {
    var type: NPYType?
    var shape: [Int]?
    var isFortranOrder: Bool?
    try expect("{")
    while !skip("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where type == nil: type = try elementType()
      case "fortran_order" where isFortranOrder == nil: isFortranOrder = try bool()
      case "shape" where shape == nil: shape = try tuple()
      default: throw malformed("an unexpected key \(FileError.quoted(key))")
      }
      if !skip(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == text.count, let type, let shape, let isFortranOrder else {
      throw malformed("not exactly 'descr', 'fortran_order' and 'shape'")
    }
    guard !isFortranOrder || shape.count < 2 else {
      throw FileError(
        .unsupportedVersion, path: path,
        "the array is in Fortran order, and only C order can be read: save numpy.ascontiguousarray of it")
    }
    return NPYHeader(type: type, shape: shape)
  }

  private mutating func elementType() throws(FileError) -> NPYType {
    skipSpace()
    guard position < text.count, text[position] != UInt8(ascii: "[") else {
      throw FileError(.unsupportedType, path: path, "records cannot be read: save an array of plain numbers")
    }
    let description = try string()
    guard let type = NPYType(description: description) else {
      throw FileError(
        .unsupportedType, path: path,
        "arrays of \(FileError.quoted(description)) cannot be read: save little-endian numbers such as '<f4'")
    }
    return type
  }

  private mutating func bool() throws(FileError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw malformed("True or False is expected")
  }

  private mutating func tuple() throws(FileError) -> [Int] {
    var sizes: [Int] = []
    try expect("(")
    while !skip(")") {
      guard sizes.count < 32 else { throw malformed("more than 32 dimensions") }
      sizes.append(try size())
      if !skip(",") {
        try expect(")")
        break
      }
    }
    return sizes
  }

  private mutating func size() throws(FileError) -> Int {
    skipSpace()
    let start = position
    while position < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[position]) { position += 1 }
    guard let value = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
      throw malformed("a size that is no number of 64 bits")
    }
    return value
  }

  private mutating func string() throws(FileError) -> String {
    skipSpace()
    guard position < text.count, text[position] == UInt8(ascii: "'") || text[position] == UInt8(ascii: "\"") else {
      throw malformed("a string is expected")
    }
    let start = position + 1
    guard let end = text[start...].firstIndex(of: text[position]) else { throw malformed("a string does not end") }
    position = end + 1
    return String(decoding: text[start..<end], as: UTF8.self)
  }

  private mutating func skipSpace() {
    while position < text.count, text[position] == 0x20 || text[position] == 0x0A { position += 1 }
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(FileError) {
    guard skip(character) else { throw malformed("'\(character)' is expected") }
  }

  private func malformed(_ problem: String) -> FileError {
    FileError(
      .malformed, path: path, "the header is wrong at byte \(position) of its text: \(problem); write the file again")
  }
}
