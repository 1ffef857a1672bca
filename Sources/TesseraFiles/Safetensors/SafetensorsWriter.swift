import TesseraJSON
import TesseraSystem

/// Writes a safetensors file: the header at once, then the bytes of one tensor after another.
///
/// The file appears at its path when `finish()` returns; a writer that is dropped before leaves nothing behind.
/// Source: https://github.com/huggingface/safetensors#format
package final class SafetensorsWriter {
  /// Bytes that the file has when it is finished.
  package let byteCount: Int

  private let output: AtomicFile
  private var missing: Int

  /// Begins a file.
  ///
  /// - Parameter tensors: in the order in which their bytes are to be appended; their places do not matter.
  /// - Throws: `FileError` `.malformed` for two of one name, `.unsupportedType` for elements that such files do not have,
  ///   `.tooLarge` for more bytes than any file, and as `AtomicFile` does.
  package init(path: String, tensors: [StoredTensor]) throws(FileError) {
    var header: JSONObject = ["__metadata__": ["format": "pt"]]
    var end = 0
    for tensor in tensors {
      guard header[tensor.name] == nil else {
        throw FileError(.malformed, path: path, "two tensors have the name \(FileError.quoted(tensor.name))")
      }
      guard let type = SafetensorsType.allCases.first(where: { $0.ggmlType == tensor.type }) else {
        throw FileError(
          .unsupportedType, path: path,
          "\(FileError.quoted(tensor.name)) is \(tensor.type.name), which safetensors files cannot hold")
      }
      let (sum, overflow) = end.addingReportingOverflow(tensor.byteCount)
      guard !overflow, sum <= Int.max / 2 else {
        throw FileError(.tooLarge, path: path, "the tensors have more bytes than any file")
      }
      header[tensor.name] = [
        "dtype": .string(type.rawValue), "shape": .array(tensor.shape.map { .int($0) }),
        "data_offsets": [.int(end), .int(sum)],
      ]
      end = sum
    }
    var text = Array(JSONValue.object(header).text().utf8)
    // Tensors begin at a multiple of eight bytes.
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    byteCount = 8 + text.count + end
    missing = end
    output = try AtomicFile(path: path)
    try output.append(withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text)
  }

  /// Appends bytes in the tensors' order.
  ///
  /// - Throws: `FileError` `.outOfRange` where they are more than all tensors have, `.system` where writing fails.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard bytes.count <= missing else {
      throw FileError(
        .outOfRange, path: output.path, "\(bytes.count) bytes are too many for tensors that lack \(missing)")
    }
    try output.append(bytes)
    missing -= bytes.count
  }

  /// Checks that all bytes are there, and puts the file in place.
  ///
  /// - Throws: `FileError` `.outOfRange` where some are missing, `.system` where writing fails.
  package func finish() throws(FileError) {
    guard missing == 0 else {
      throw FileError(.outOfRange, path: output.path, "the tensors lack \(missing) bytes: nothing is written")
    }
    try output.commit()
  }
}
