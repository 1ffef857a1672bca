import TesseraSystem

/// How a model lies in parts, by its first part.
struct GGUFSplit {
  static let numberKey = "split.no"
  static let countKey = "split.count"
  static let tensorCountKey = "split.tensors.count"

  /// The number of parts, at least 2.
  let count: Int
  private let path: String
  private let tensorCount: Int?
  private let prefix: String

  /// Reads the first part's keys and name; nil for a model in one file.
  ///
  /// - Throws: `FileError` where the file is not the first part, or not named so that the others can be found.
  init?(_ first: GGUFFile) throws(FileError) {
    let metadata = first.metadata
    path = first.mappedFile.path
    guard let count = try metadata.optionalInt(GGUFSplit.countKey), count != 0, count != 1 else { return nil }
    guard (2...GGUFCheckpoint.partLimit).contains(count) else {
      throw FileError(
        .malformed, path: path,
        "the metadata key '\(GGUFSplit.countKey)' is \(count), not 1 to \(GGUFCheckpoint.partLimit) parts: "
          + "the file is damaged, download it again")
    }
    self.count = count
    tensorCount = try metadata.optionalInt(GGUFSplit.tensorCountKey)
    let number = try metadata.int(GGUFSplit.numberKey)
    let suffix = GGUFSplit.suffix(number, of: count)
    let isNamedSo = path.hasSuffix(suffix)
    prefix = String(path.unicodeScalars.dropLast(isNamedSo ? suffix.unicodeScalars.count : 0))
    guard number == 0 else {
      let first = isNamedSo ? ": name the first, \(prefix)\(GGUFSplit.suffix(0, of: count))" : ": name the first"
      throw FileError(.malformed, path: path, "this is part \(number &+ 1) of \(count)" + first)
    }
    guard isNamedSo else {
      throw FileError(
        .malformed, path: path,
        "this is the first of \(count) parts, whose names must end in '\(suffix)' and so on: "
          + "give all parts their names again")
    }
  }

  /// Opens another part.
  ///
  /// - Throws: `FileError` `.notFound` where it is missing, `.malformed` where it is another part or another model's.
  func part(_ number: Int) throws(FileError) -> GGUFFile {
    let partPath = prefix + GGUFSplit.suffix(number, of: count)
    guard FileDescriptor.exists(partPath) else {
      throw FileError(.notFound, path: partPath, "part \(number + 1) of \(count) is missing: download it too")
    }
    let file = try GGUFFile(path: partPath)
    try check(file, GGUFSplit.numberKey, is: number)
    try check(file, GGUFSplit.countKey, is: count)
    if let tensorCount { try check(file, GGUFSplit.tensorCountKey, is: tensorCount) }
    return file
  }

  private func check(_ file: GGUFFile, _ key: String, is wanted: Int) throws(FileError) {
    let value = try file.metadata.int(key)
    guard value == wanted else {
      throw FileError(
        .malformed, path: file.mappedFile.path,
        "the metadata key '\(key)' is \(value), and in this place beside \(path) should be \(wanted): "
          + "it is a part of another model or misnamed, download it again")
    }
  }

  private static func suffix(_ number: Int, of count: Int) -> String {
    func digits(_ value: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(5 - text.count, 0)) + text
    }
    return "-\(digits(number &+ 1))-of-\(digits(count)).gguf"
  }
}
