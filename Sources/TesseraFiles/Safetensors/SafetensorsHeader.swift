import TesseraJSON
import TesseraSystem

/// The header of a safetensors file: an 8-byte length and a JSON object of that many bytes.
struct SafetensorsHeader {
  private(set) var tensors: [SafetensorsTensor] = []
  private(set) var metadata: [String: String] = [:]

  private let path: String
  private let fileByteCount: Int
  private let dataOffset: Int

  init(_ file: MappedFile) throws(FileError) {
    path = file.path
    fileByteCount = file.byteCount
    let json = try SafetensorsHeader.text(of: file)
    dataOffset = 8 + json.count
    var options = JSONOptions.file
    options.byteCount = SafetensorsFile.headerByteLimit
    options.valueCount = 1 << 20
    options.depth = 4
    let header: JSONValue
    do { header = try JSONValue(parsing: json, path: path, options: options) } catch { throw FileError(error) }
    guard let members = header.objectValue?.members else {
      throw FileError(.notSafetensors, path: path, "the header is not a JSON object: name a safetensors file")
    }
    tensors.reserveCapacity(members.count)
    for (name, value) in members {
      if name == "__metadata__" {
        metadata = try strings(value)
      } else {
        tensors.append(try tensor(name, value))
      }
    }
    tensors.sort { ($0.fileOffset, $0.byteCount, $0.name) < ($1.fileOffset, $1.byteCount, $1.name) }
    try checkPlaces()
  }

  private static func text(of file: MappedFile) throws(FileError) -> UnsafeRawBufferPointer {
    let contents = file.contents
    guard contents.count >= 8 else {
      throw FileError(.truncated, path: file.path, "the file has under 8 bytes: download it again")
    }
    let stored = UInt64(littleEndian: contents.loadUnaligned(as: UInt64.self))
    guard contents.count > 8, contents[8] == UInt8(ascii: "{") else {
      throw FileError(
        .notSafetensors, path: file.path,
        "this is not a safetensors file: its header does not begin with a brace; name a safetensors file")
    }
    guard stored <= SafetensorsFile.headerByteLimit else {
      throw FileError(
        .tooLarge, path: file.path,
        "the header's length is \(stored), and at most \(SafetensorsFile.headerByteLimit) are allowed: "
          + "this is not a safetensors file, or a damaged one")
    }
    let count = Int(stored)
    guard count <= contents.count - 8 else {
      throw FileError(
        .truncated, path: file.path,
        "the header needs \(count) bytes, but only \(contents.count - 8) remain: download the file again")
    }
    return UnsafeRawBufferPointer(rebasing: contents[8..<8 + count])
  }

  private func strings(_ value: JSONValue) throws(FileError) -> [String: String] {
    guard let members = value.objectValue else {
      throw malformed("'__metadata__' is \(value.kind), not an object of strings")
    }
    var result: [String: String] = [:]
    for (key, value) in members.members {
      guard let string = value.stringValue else {
        throw malformed("the key \(FileError.quoted(key)) of '__metadata__' is \(value.kind), not a string")
      }
      result[key] = string
    }
    return result
  }

  private func tensor(_ name: String, _ value: JSONValue) throws(FileError) -> SafetensorsTensor {
    let what = "the tensor \(FileError.quoted(name))"
    guard let members = value.objectValue, let typeName = members["dtype"]?.stringValue,
      let shape = members["shape"]?.arrayValue, let offsets = members["data_offsets"]?.arrayValue
    else { throw malformed("\(what) is not described by 'dtype', 'shape' and 'data_offsets'") }
    guard let type = SafetensorsType(rawValue: typeName) else {
      throw FileError(
        .unsupportedType, path: path,
        "\(what) has the unknown type \(FileError.quoted(typeName)): the file is newer than this reader")
    }
    var sizes: [Int] = []
    var elementCount = 1
    for size in shape {
      guard case .int(let size) = size, size >= 0 else { throw malformed("\(what) has a size below 0") }
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: size)
      guard !overflow else { throw malformed("\(what) has more elements than 64 bits count") }
      elementCount = product
      sizes.append(size)
    }
    let (bitCount, overflow) = elementCount.multipliedReportingOverflow(by: type.bitCount)
    guard !overflow, bitCount % 8 == 0 else { throw malformed("\(what) does not take a whole number of bytes") }
    guard offsets.count == 2, case .int(let begin) = offsets[0], case .int(let end) = offsets[1],
      begin >= 0, end >= begin
    else { throw malformed("\(what) has 'data_offsets' that are not a range of bytes") }
    guard end - begin == bitCount / 8 else {
      throw malformed("\(what) needs \(bitCount / 8) bytes, but its 'data_offsets' span \(end - begin)")
    }
    guard end <= fileByteCount - dataOffset else {
      throw FileError(
        .truncated, path: path,
        "\(what) ends at byte \(end) of the data, but only \(fileByteCount - dataOffset) bytes are there: "
          + "the file is truncated or damaged, download it again")
    }
    return SafetensorsTensor(
      name: name, type: type, shape: sizes, elementCount: elementCount, byteCount: end - begin,
      fileOffset: dataOffset + begin)
  }

  /// The format allows neither overlaps nor holes nor bytes after the last tensor.
  private func checkPlaces() throws(FileError) {
    var end = dataOffset
    for tensor in tensors {
      guard tensor.fileOffset == end else {
        let problem = tensor.fileOffset < end ? "overlaps the one before it" : "leaves a hole before it"
        throw malformed("the tensor \(FileError.quoted(tensor.name)) (at byte \(tensor.fileOffset)) \(problem)")
      }
      end += tensor.byteCount
    }
    guard end == fileByteCount else {
      throw malformed("\(fileByteCount - end) bytes follow the last tensor, which ends at byte \(end)")
    }
  }

  private func malformed(_ problem: String) -> FileError {
    FileError(.malformed, path: path, problem + ": the file is damaged, download it again")
  }
}
