import TesseraJSON

extension FileError {
  /// The same failure as an error about a file.
  init(_ error: JSONError) {
    let code: Code =
      switch error.code {
      case .malformed: .malformed
      case .tooLarge: .tooLarge
      case .missingKey: .missingKey
      case .wrongType: .wrongType
      }
    let advice =
      switch error.code {
      case .malformed: "; download the file again"
      case .tooLarge: "; name another file"
      case .wrongType: ": check the file"
      case .missingKey: ""
      }
    self.init(code, path: error.path ?? "", error.message + advice)
  }
}

extension JSONValue {
  /// Parses the file at `path`.
  ///
  /// - Throws: `FileError` `.malformed` with the place, `.tooLarge`, or as `MappedFile` does.
  package init(path: String, options: JSONOptions = .file) throws(FileError) {
    self = try JSONValue(of: MappedFile(path: path), options: options)
  }

  /// Parses a file that is open.
  init(of file: MappedFile, options: JSONOptions = .file) throws(FileError) {
    // Its bytes are read through a pointer, which keeps nothing alive.
    defer { withExtendedLifetime(file) {} }
    do {
      self = try JSONValue(parsing: file.contents, path: file.path, options: options)
    } catch { throw FileError(error) }
  }
}

extension JSONFields {
  /// Reads a file that holds one object.
  package init(path: String, options: JSONOptions = .file) throws(FileError) {
    try self.init(of: MappedFile(path: path), options: options)
  }

  /// Reads a file that is open and holds one object.
  init(of file: MappedFile, options: JSONOptions = .file) throws(FileError) {
    let value = try JSONValue(of: file, options: options)
    do { self = try JSONFields(of: value, path: file.path) } catch { throw FileError(error) }
  }
}
