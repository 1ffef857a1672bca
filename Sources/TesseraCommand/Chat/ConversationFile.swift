import Foundation
import Tessera
import TesseraJSON
import TesseraSystem
import TesseraText

/// A conversation in a file: it is written after each turn, and goes on from there after a restart.
struct ConversationFile {
  /// What tells the model from others.
  struct Model: Equatable {
    var name: String
    var digest: String
  }

  private static let format = "tessera conversation"
  private static let version = 1
  /// What was said is nobody else's business. A file that is there keeps its permissions.
  static let newMode: mode_t = 0o600
  /// Far more than a context holds.
  private static let byteLimit = 64 << 20

  let path: String
  let model: Model
  /// What was said so far; empty where there is no file yet.
  private(set) var messages: [ChatMessage] = []
  /// The model that the file names, if there is one.
  private(set) var writtenBy: Model?
  private var options = JSONObject()
  /// The file as this process has read or written it last; nil where there was none.
  private var contents: [UInt8]?

  /// Reads the file, if there is one.
  ///
  /// - Throws: `InputError` for a file that is no conversation, which is left as it is.
  init(path: String, model: Model) throws {
    (self.path, self.model) = (path, model)
    contents = try Self.read(path)
    guard let contents, !contents.isEmpty else { return }
    do {
      let fields = try JSONFields(of: JSONValue(parsing: contents, options: .request))
      guard fields["format"]?.stringValue == Self.format else { throw Problem("it does not say that it is one") }
      guard fields["version"]?.intValue == Self.version else { throw Problem("it is of another version") }
      let writer = try fields.fields("model")
      writtenBy = Model(name: try writer.string("name"), digest: try writer.string("digest"))
      options = try fields.fields("options").object
      _ = try generationOptions()
      messages = try fields.array("messages").map { value in
        guard let object = value.objectValue, object["content"]?.stringValue != nil else {
          throw Problem("a message has no text")
        }
        return try ChatMessage(fields: object)
      }
    } catch {
      throw InputError(
        message: "\(path.shownPath): no conversation that can go on: \(error); it was left as it is: name another file")
    }
  }

  /// The instructions that the conversation began with.
  var instructions: String? { messages.first.flatMap { $0.role == "system" ? $0.content.stringValue : nil } }

  /// Writes the conversation in the place of what was there.
  ///
  /// - Throws: `InputError` where another process has written the file meanwhile, `FileError` where it cannot be written.
  mutating func write(_ messages: [ChatMessage], _ options: GenerationOptions) throws {
    try checkContents()
    let document: JSONValue = [
      "format": .string(Self.format), "version": .int(Self.version),
      "model": ["name": .string(model.name), "digest": .string(model.digest)],
      "options": .object(Self.object(options)), "messages": .array(messages.map(\.value)),
    ]
    let bytes = Array((document.text(.indented) + "\n").utf8)
    let file = try AtomicFile(path: path, mode: Self.newMode)
    try file.append(bytes)
    try file.commit()
    (contents, self.messages) = (bytes, messages)
  }

  /// Where ``keepCopy()`` puts the conversation.
  var copyPath: String { path + "~" }

  /// Copies the file, with its permissions, before another conversation takes its place.
  ///
  /// - Returns: false where nothing was said in it.
  /// - Throws: as ``write(_:_:)`` does; the file and an older copy are then as they were.
  func keepCopy() throws -> Bool {
    guard let contents, messages.contains(where: { $0.role != "system" }) else { return false }
    try checkContents()
    let mode = try FileDescriptor.openForReading(path).status().st_mode & 0o777
    // An older copy's permissions, or where it links to, are not to be kept.
    let file = try AtomicFile(path: copyPath, isPrivate: true)
    try file.append(contents)
    try file.commit()
    _ = copyPath.withPathPointer { chmod($0, mode) }
    return true
  }

  /// - Throws: `InputError` where the file is not as it was read or written last.
  private func checkContents() throws {
    guard try Self.read(path) != contents else { return }
    throw InputError(
      message:
        "\(path.shownPath): another process has written this file: it was left as it is; /save FILE keeps what was "
        + "said here")
  }

  private static func read(_ path: String) throws -> [UInt8]? {
    guard FileDescriptor.exists(path) else { return nil }
    // Neither a folder nor a pipe, whose end would be waited for.
    _ = try FileDescriptor.openForReading(path)
    return try InputText.read(path, limit: byteLimit)
  }

  private struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}

extension ConversationFile {
  /// How the conversation's answers were generated.
  func generationOptions() throws -> GenerationOptions {
    let fields = JSONFields(options)
    var result = GenerationOptions()
    result.maxTokens = try fields.optionalInt("max_tokens")
    result.temperature = try fields.optionalFloat("temperature") ?? result.temperature
    result.topK = try fields.optionalInt("top_k") ?? result.topK
    result.topP = try fields.optionalFloat("top_p") ?? result.topP
    result.minP = try fields.optionalFloat("min_p") ?? result.minP
    result.repeatPenalty = try fields.optionalFloat("repeat_penalty") ?? result.repeatPenalty
    result.seed = try fields.optionalString("seed").flatMap { UInt64($0) }
    result.stopStrings = try fields.optionalStrings("stop") ?? result.stopStrings
    return result
  }

  private static func object(_ options: GenerationOptions) -> JSONObject {
    func number(_ value: Float) -> JSONValue { .double(Double("\(value)") ?? Double(value)) }
    var object: JSONObject = [
      "temperature": number(options.temperature), "top_k": .int(options.topK), "top_p": number(options.topP),
      "min_p": number(options.minP), "repeat_penalty": number(options.repeatPenalty),
      "stop": .array(options.stopStrings.map { .string($0) }),
    ]
    object["max_tokens"] = options.maxTokens.map { .int($0) }
    // As text: numbers beyond 2⁵³ are not safe with every reader.
    object["seed"] = options.seed.map { .string("\($0)") }
    return object
  }
}
