/// Why a model file, a tensor file or a folder of them could not be read or written.
///
/// `description` is one line that says what is wrong, where (file; key, tensor or byte offset) and what to do.
public struct FileError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The kinds of failure, for code that reacts to them.
  public enum Code: String, Sendable, CaseIterable {
    /// Nothing is at the path.
    case notFound
    /// The path names a folder where a file is needed.
    case isFolder
    /// The path names neither a file nor a folder (a pipe, a device).
    case notRegularFile
    /// The operating system refused to open, map, read or write.
    case system
    /// The file has no bytes.
    case empty
    /// The file does not begin as a GGUF file does.
    case notGGUF
    /// The file does not begin as a safetensors file does.
    case notSafetensors
    /// The file does not begin as a `.npy` file does.
    case notNPY
    /// The file does not begin as a WAV file does.
    case notWAV
    /// The file ends before what it announces.
    case truncated
    /// A version, byte order or element type that this reader does not know.
    case unsupportedVersion
    /// A tensor's element type is unknown or was removed from the format.
    case unsupportedType
    /// The contents contradict the format.
    case malformed
    /// A key or a tensor that is needed is not in the file.
    case missingKey
    /// A value exists but has another type than the one asked for, or does not fit it.
    case wrongType
    /// A count or size beyond what any real file has.
    case tooLarge
    /// A range or an index outside the file, tensor or array.
    case outOfRange
  }

  /// The kind of failure.
  public let code: Code
  /// The file or folder.
  public let path: String
  /// The fault, where in the file it is, and what to do.
  public let message: String

  /// An error about the file at `path`.
  public init(_ code: Code, path: String, _ message: String) {
    self.code = code
    self.path = path
    self.message = message
  }

  /// `path: message`, in one line whatever the file's names contain.
  public var description: String { FileError.printable("\(path): \(message)") }

  /// `text` with control characters escaped and its length bounded: names come from untrusted files.
  package static func printable(_ text: String) -> String {
    let limit = 2_000
    var result = ""
    var count = 0
    for scalar in text.shownPath.unicodeScalars {
      if count == limit { return result + "…" }
      count += 1
      if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || (0x2028...0x202E).contains(scalar.value) {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// `name` in quotes, shortened to what fits a message.
  package static func quoted(_ name: String) -> String {
    let shown = name.unicodeScalars.prefix(120)
    return "'" + printable(String(shown)) + (shown.endIndex < name.unicodeScalars.endIndex ? "…'" : "'")
  }
}
