import ArgumentParser
import Foundation
import Tessera
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show a model's metadata, tensors and memory plan, without loading its weights.")

  @Argument(help: "The model: a GGUF file.")
  var path: String?

  @Option(name: [.short, .long], help: "The same, as other commands take it.")
  var model: String?

  @Option(help: "The device of the memory plan.")
  var device: String?

  @Option(help: "Tokens of the memory plan's context.")
  var context: Int?

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "No list of tensors.")
  var quiet = false

  func validate() throws {
    guard (path == nil) != (model == nil) else { throw ValidationError("give one model file") }
  }

  func run() throws {
    let file = try GGUFFile(path: path ?? model ?? "")
    var options = Transformer.Options()
    options.contextLength = context
    // The plan needs a device's limits and a supported model; the file can be looked at without.
    let plan = Result {
      try Transformer.plan(file, limits: DeviceLimits(Device.select(device).profile), options: options)
    }
    let parameters = file.tensors.reduce(0) { $0.addingReportingOverflow($1.elementCount).partialValue }
    let architecture = try file.metadata.optionalString("general.architecture") ?? ""
    if json {
      try Terminal.printJSON(
        Document(
          architecture: architecture, parameters: parameters, tensors: file.tensors.map(Document.Tensor.init),
          metadata: Dictionary(
            file.metadata.keys.compactMap { key in file.metadata[key].map { (key, MetadataJSON(value: $0)) } },
            uniquingKeysWith: { $1 }),
          memory: (try? plan.get()).map(Document.Memory.init), memory_error: Self.failure(plan)))
      return
    }
    Terminal.print("\(architecture), \(parameters) parameters, GGUF v\(file.version)")
    for key in file.metadata.keys {
      Terminal.print("  \(key) = \(file.metadata[key].map(MetadataText.brief) ?? "")")
    }
    if !quiet {
      for tensor in file.tensors {
        Terminal.print("  \(tensor.name)  \(tensor.type.name)  \(tensor.dimensions)")
      }
    }
    switch plan {
    case .success(let plan): Terminal.print("memory on the device:\n\(plan)")
    case .failure(let error): Terminal.diagnose("no memory plan: \(error)")
    }
  }

  private static func failure(_ plan: Result<MemoryPlan, any Error>) -> String? {
    if case .failure(let error) = plan { return "\(error)" }
    return nil
  }

  /// Named as the document names them.
  private struct Document: Encodable {
    let architecture: String
    let parameters: Int
    let tensors: [Tensor]
    let metadata: [String: MetadataJSON]
    let memory: Memory?
    let memory_error: String?

    struct Tensor: Encodable {
      let name, type: String
      let dimensions: [Int]
      let bytes: Int

      init(_ info: TensorInfo) {
        (name, type, dimensions, bytes) = (info.name, info.type.name, info.dimensions, info.byteCount)
      }
    }

    struct Memory: Encodable {
      let weights_bytes, kv_bytes_per_token, kv_bytes, workspace_bytes, staging_bytes, total_bytes, context: Int

      init(_ plan: MemoryPlan) {
        weights_bytes = plan.weightsBytes
        kv_bytes_per_token = plan.kvBytesPerToken
        kv_bytes = plan.kvBytes
        workspace_bytes = plan.workspaceBytes
        staging_bytes = plan.stagingBytes
        total_bytes = plan.totalBytes
        context = plan.contextLength
      }
    }
  }
}

/// A metadata value as JSON: numbers, texts and flags as they are; of a long array the count and how it begins.
struct MetadataJSON: Encodable {
  let value: MetadataValue

  private static let longestArray = 64
  private enum LongArray: String, CodingKey { case count, first }

  func encode(to encoder: any Encoder) throws {
    if let array = value.arrayValue {
      let first = (0..<min(array.count, Self.longestArray)).compactMap { array[$0].map { MetadataJSON(value: $0) } }
      guard array.count > Self.longestArray else { return try first.encode(to: encoder) }
      var container = encoder.container(keyedBy: LongArray.self)
      try container.encode(array.count, forKey: .count)
      try container.encode(Array(first.prefix(3)), forKey: .first)
      return
    }
    var container = encoder.singleValueContainer()
    if let text = value.stringValue {
      try container.encode(text)
    } else if let flag = value.boolValue {
      try container.encode(flag)
    } else if let number = value.intValue {
      try container.encode(number)
    } else {
      try container.encode(value.doubleValue)
    }
  }
}

/// Metadata in few words.
enum MetadataText {
  static func brief(_ value: MetadataValue) -> String {
    if let array = value.arrayValue {
      let first = (0..<min(3, array.count)).compactMap { array[$0].map(brief) }.joined(separator: ", ")
      return "[\(array.count)] \(first)\(array.count > 3 ? ", …" : "")"
    }
    if let text = value.stringValue { return text }
    if let flag = value.boolValue { return "\(flag)" }
    if let number = value.intValue { return "\(number)" }
    return value.doubleValue.map { "\($0)" } ?? ""
  }
}
