import TesseraJSON
import TesseraSystem

/// A model folder that CTranslate2's converters wrote: `model.bin` with variables, `config.json`, a vocabulary.
///
/// It is not run as it is: `tessera convert` makes a Hugging Face folder of one with a Whisper model.
/// Source: `ModelSpec._serialize` in `python/ctranslate2/specs/model_spec.py` of https://github.com/OpenNMT/CTranslate2
package struct CTranslate2Checkpoint: Checkpoint {
  /// The name of the file with the variables.
  package static let fileName = "model.bin"
  /// The version of the format that is read: that of CTranslate2 since 2022.
  static let version: UInt32 = 6
  /// The most variables, and the most aliases.
  static let countLimit = 1 << 16

  /// The folder.
  package let path: String
  /// What the variables make up, such as `WhisperSpec`.
  package let specification: String
  /// The version of that specification's names.
  package let revision: Int
  /// The variables, by names such as `encoder/layer_0/ffn/linear_0/weight`.
  package let tensors: [StoredTensor]

  private let file: MappedFile
  private let indexes: [String: Int]

  /// Whether a folder holds such a model, by the names of its files.
  package static func isFolder(_ path: String) -> Bool {
    FileDescriptor.exists(path + "/" + fileName) && !FileDescriptor.exists(path + "/model.safetensors")
  }

  /// Opens a folder: reads what describes the variables, and no variable's elements.
  ///
  /// - Throws: `FileError` for whatever is wrong with `model.bin`.
  package init(path: String) throws(FileError) {
    let file = try MappedFile(path: path + "/" + Self.fileName)
    defer { withExtendedLifetime(file) {} }
    var cursor = CTranslate2Cursor(file: file)
    let version = try cursor.integer(UInt32.self, "the version")
    guard version == Self.version else {
      throw FileError(
        .unsupportedVersion, path: file.path,
        "the version is \(version), and \(Self.version) can be read: this is no model of CTranslate2's, or it must be "
          + "converted anew with a newer CTranslate2")
    }
    specification = try cursor.string("the specification's name")
    revision = Int(try cursor.integer(UInt32.self, "the specification's revision"))
    var tensors: [StoredTensor] = []
    var indexes: [String: Int] = [:]
    for _ in 0..<(try cursor.count("the number of variables")) {
      let tensor = try cursor.variable()
      guard indexes.updateValue(tensors.count, forKey: tensor.name) == nil else {
        throw cursor.malformed("the variable \(FileError.quoted(tensor.name)) is there twice")
      }
      tensors.append(tensor)
    }
    for _ in 0..<(try cursor.count("the number of aliases")) {
      let alias = try cursor.string("an alias")
      let name = try cursor.string("an alias's variable")
      guard let index = indexes[name] else {
        throw cursor.malformed(
          "\(FileError.quoted(alias)) is an alias of \(FileError.quoted(name)), which does not exist")
      }
      guard indexes.updateValue(index, forKey: alias) == nil else {
        throw cursor.malformed("the alias \(FileError.quoted(alias)) is the name of a variable too")
      }
    }
    guard cursor.remaining == 0 else {
      throw cursor.malformed("\(cursor.remaining) bytes follow the last alias")
    }
    self.path = path
    self.file = file
    self.tensors = tensors
    self.indexes = indexes
  }

  package var hasData: Bool { true }

  /// The variable of that name, or the one that the name is an alias of.
  package func tensor(named name: String) -> StoredTensor? { indexes[name].map { tensors[$0] } }

  package func bytes(of tensor: StoredTensor) throws(FileError) -> UnsafeRawBufferPointer {
    try file.bytes(at: tensor.offset, count: tensor.byteCount)
  }

  package func release(_ tensor: StoredTensor) { file.release(offset: tensor.offset, count: tensor.byteCount) }

  /// The names of all variables and aliases.
  package var names: Set<String> { Set(indexes.keys) }

  /// `config.json`.
  package func config() throws(FileError) -> JSONFields { try JSONFields(path: path + "/config.json") }

  /// The tokens in the order of their ids, of `vocabulary.json` or `vocabulary.txt`.
  ///
  /// - Throws: `FileError` `.notFound` where there is neither, `.malformed` where it is no list of tokens.
  package func vocabulary() throws(FileError) -> [String] {
    let document = path + "/vocabulary.json"
    if FileDescriptor.exists(document) {
      guard let values = try JSONValue(path: document).arrayValue else {
        throw FileError(.malformed, path: document, "this is no array of tokens: convert the model anew")
      }
      let tokens = values.compactMap(\.stringValue)
      guard tokens.count == values.count else {
        throw FileError(.malformed, path: document, "a token is no string: convert the model anew")
      }
      return tokens
    }
    let text = try MappedFile(path: path + "/vocabulary.txt")
    defer { withExtendedLifetime(text) {} }
    var lines = text.contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { String(decoding: $0, as: UTF8.self) }
  }
}

/// Reads `model.bin` front to back, checking every size against the bytes that remain.
private struct CTranslate2Cursor {
  let file: MappedFile
  private(set) var offset = 0

  init(file: MappedFile) { self.file = file }

  var remaining: Int { file.byteCount - offset }

  mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, _ what: String) throws(FileError) -> T {
    let start = try take(MemoryLayout<T>.size, what)
    return T(littleEndian: file.contents.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  mutating func count(_ what: String) throws(FileError) -> Int {
    let count = Int(try integer(UInt32.self, what))
    guard count <= CTranslate2Checkpoint.countLimit else {
      throw FileError(
        .tooLarge, path: file.path,
        "\(what) (before byte \(offset)) is \(count), and at most \(CTranslate2Checkpoint.countLimit) make sense: the "
          + "file is damaged")
    }
    return count
  }

  /// A text behind its length, which counts the zero that ends it.
  mutating func string(_ what: String) throws(FileError) -> String {
    let count = Int(try integer(UInt16.self, what))
    let start = try take(count, what)
    let bytes = file.contents[start..<start + count]
    guard bytes.last == 0, let text = String(validating: bytes.dropLast(), as: UTF8.self) else {
      throw malformed("\(what) is no text that a zero ends")
    }
    return text
  }

  mutating func variable() throws(FileError) -> StoredTensor {
    let name = try string("a variable's name")
    let what = "the variable \(FileError.quoted(name))"
    let rank = Int(try integer(UInt8.self, what))
    guard rank <= 8 else { throw malformed("\(what) has \(rank) sizes, and 8 are the most") }
    var shape: [Int] = []
    for _ in 0..<rank { shape.append(Int(try integer(UInt32.self, what))) }
    let number = try integer(UInt8.self, what)
    // `DataType` in CTranslate2's include/ctranslate2/types.h.
    let types: [GGMLType] = [.f32, .i8, .i16, .i32, .f16, .bf16]
    guard number < types.count else {
      throw FileError(
        .unsupportedType, path: file.path,
        "\(what) has the type number \(number), which is not known: the file is damaged, or newer")
    }
    let type = types[Int(number)]
    let described = try StoredTensor(name, type, shape, of: file.path)
    let count = Int(try integer(UInt32.self, what))
    guard count == described.byteCount else {
      throw malformed("\(what) of the shape \(shape) in \(type.name) needs \(described.byteCount) bytes, not \(count)")
    }
    let start = try take(count, what)
    return StoredTensor(
      name: name, type: type, shape: shape, elementCount: described.elementCount, byteCount: count, part: 0,
      offset: start)
  }

  func malformed(_ problem: String) -> FileError {
    FileError(
      .malformed, path: file.path,
      "\(problem) (before byte \(offset)): the file is damaged, or no model of CTranslate2's")
  }

  private mutating func take(_ count: Int, _ what: String) throws(FileError) -> Int {
    guard count <= remaining else {
      throw FileError(
        .truncated, path: file.path,
        "\(what) (at byte \(offset)) needs \(count) bytes, but only \(remaining) remain: the file is truncated or "
          + "damaged, get it again")
    }
    defer { offset += count }
    return offset
  }
}
