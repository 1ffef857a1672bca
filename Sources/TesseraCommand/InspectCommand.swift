import ArgumentParser
import Foundation
import Tessera
import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TesseraOperators

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: """
      Show a model's metadata, tensors and memory plan, and what keeps it from being run, or what an adapter changes, without \
      loading weights.
      """)

  @Argument(help: "The model: a GGUF file, the first of several that are one, or a Hugging Face folder; or an adapter.")
  var path: String?

  @Option(name: [.short, .long], help: "The same, as other commands take it.")
  var model: String?

  @Option(help: "The device of the memory plan.")
  var device: String?

  @Option(help: "Tokens of the memory plan's context.")
  var context: Int?

  @Option(help: "The type that float weights would be quantized to.")
  var type: WeightFormat?

  @Option(
    name: [.customLong("kv"), .customLong("kv-type")],
    help: """
      How keys and values would be kept: f32, f16, q8_0 or q4_0, or the keys' and the values' as in q8_0,f16 (default: \
      f16 on GPUs, else f32).
      """)
  var cache: CacheEncodings?

  @Option(help: "Device memory for experts, in MiB; the others would stay in host memory.")
  var expertMemory: Int?

  @OptionGroup var prefixes: PrefixCacheOptions

  @Option(
    help: "Generations that may be full at once, as `serve` has them, which then swaps (default: one, as `generate`).")
  var parallel: Int?

  @Flag(
    help: """
      Print instead the kernel variants that a prompt and an answer launch, a JSON object a line, as scripts/gpu-check \
      reads them; TESSERA_STYLE=simt gives those of GPUs.
      """)
  var variants = false

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @Flag(name: [.short, .long], help: "No list of tensors.")
  var quiet = false

  func validate() throws {
    guard (path == nil) != (model == nil) else { throw ValidationError("give one model file") }
    try RunOptions.check(expertMemory: expertMemory)
    guard (1...65_536).contains(parallel ?? 1) else { throw ValidationError("--parallel must be from 1 to 65536") }
    guard !variants || !json else { throw ValidationError("--variants is JSON lines: leave out --json") }
    if let type, !Quantizer.formats.contains(type) {
      throw ValidationError("--type is \(type.name.lowercased()): \(RunOptions.typeNames) are possible")
    }
  }

  func run() throws {
    if let path = path ?? model, Adapter.isThere(path) { return try describe(Adapter(path: path)) }
    let checkpoint = try openCheckpoint(path: path ?? model ?? "")
    var options = ModelRunner.Options()
    options.contextLength = context
    options.weightFormat = type
    options.expertMemory = expertMemory.map { $0 << 20 }
    var load = prefixes.applied(to: LoadOptions())
    load.swapBytes = parallel == nil ? 0 : nil
    (options.hostMemory, options.sequenceCount) = (load.hostMemory, parallel ?? 1)
    options.style = try LoadOptions.requestedStyle()
    // The plan needs a device's limits and a supported model; the files can be looked at without.
    let draft = Result { [options] in
      let device = try Device.select(device)
      let standard = KVEncoding.standard(on: device.profile.type)
      var options = options
      (options.keys, options.values) = (cache?.keys ?? standard, cache?.values ?? standard)
      return try ModelDraft(checkpoint, on: device, options: options)
    }
    if variants { return try printVariants(draft.get()) }
    let findings = ModelFinding.all(in: checkpoint)
    let texts = TextDescription(
      ModelSource(checkpoint), vocabularySize: (try? draft.get())?.profile.vocabularySize)
    let parameters = checkpoint.tensors.reduce(0) { $0.addingReportingOverflow($1.elementCount).partialValue }
    let description = try ModelDescription(checkpoint)
    if json {
      let costs = try? draft.get().costs()
      try Terminal.printJSON(
        Document(
          architecture: description.architecture, parameters: parameters,
          tensors: checkpoint.tensors.map(Document.Tensor.init), metadata: description.values,
          memory: (try? draft.get()).map { Document.Memory($0.memory) },
          decode: costs.map { Document.Cost($0.decode) }, prompt: costs.map { Document.Cost($0.prompt) },
          memory_error: Self.failure(draft), supported: findings.isEmpty,
          missing: findings.map(Document.Finding.init), tokenizer: texts.tokenizer, chat_template: texts.template))
      return
    }
    Terminal.print("\(description.architecture), \(parameters) parameters, \(description.format)")
    for line in description.lines { Terminal.print("  \(line)") }
    if !quiet {
      for tensor in checkpoint.tensors {
        Terminal.print("  \(tensor.name)  \(tensor.type.name)  \(tensor.shape)")
      }
    }
    Terminal.print("tokenizer          \(texts.tokenizer.text)")
    Terminal.print("chat template      \(texts.template.text)")
    guard findings.isEmpty else {
      Terminal.print("it cannot be run:")
      for finding in findings { Terminal.print("  \(finding.message)") }
      return
    }
    switch draft {
    case .success(let draft):
      Terminal.print("memory on the device:\n\(draft.memory)")
      if let costs = try draft.costs() {
        Terminal.print("one token          \(Self.text(costs.decode))")
        Terminal.print("a prompt's chunk   \(Self.text(costs.prompt))")
      }
    case .failure(let error): Terminal.diagnose("no memory plan: \(error)")
    }
  }

  private func printVariants(_ draft: ModelDraft) throws {
    for dispatch in try draft.variants() { Terminal.print(try dispatch.variantDescription.json()) }
  }

  private static func text(_ cost: ModelDraft.StepCost) -> String {
    "\(cost.launches) commands, \(cost.bytes) bytes, \(cost.operations) operations"
  }

  private static func failure(_ draft: Result<ModelDraft, any Error>) -> String? {
    if case .failure(let error) = draft { return "\(error)" }
    return nil
  }

  /// Named as the document names them.
  private struct Document: Encodable {
    let architecture: String
    let parameters: Int
    let tensors: [Tensor]
    let metadata: [String: MetadataJSON]
    let memory: Memory?
    /// Of one token, and of a prompt's largest chunk.
    let decode, prompt: Cost?
    let memory_error: String?
    let supported: Bool
    /// What keeps the model from being run.
    let missing: [Finding]
    let tokenizer, chat_template: TextDescription.Part

    struct Finding: Encodable {
      let kind, message: String
      let names: [String]

      init(_ finding: ModelFinding) {
        (kind, message, names) = (finding.kind.rawValue, finding.message, finding.names)
      }
    }

    struct Cost: Encodable {
      let commands, bytes, operations: Int

      init(_ cost: ModelDraft.StepCost) {
        (commands, bytes, operations) = (cost.launches, cost.bytes, cost.operations)
      }
    }

    struct Tensor: Encodable {
      let name, type: String
      let shape: [Int]
      let bytes: Int

      init(_ tensor: StoredTensor) {
        (name, type, shape, bytes) = (tensor.name, tensor.type.name, tensor.shape, tensor.byteCount)
      }
    }

    struct Memory: Encodable {
      let weights_bytes, kv_bytes_per_token, kv_bytes, workspace_bytes, staging_bytes, total_bytes, context: Int
      let kv: String
      /// Of the host's memory, beside the device's.
      let host_swap_bytes, host_cache_bytes, host_transfer_bytes: Int
      /// Of experts that stay in host memory: all, and of their places on the device.
      let expert_bytes, expert_device_bytes: Int?

      init(_ plan: MemoryPlan) {
        weights_bytes = plan.weightsBytes
        (expert_bytes, expert_device_bytes) = (plan.experts?.bytes, plan.experts?.deviceBytes)
        kv_bytes_per_token = plan.kvBytesPerToken
        kv_bytes = plan.kvBytes
        workspace_bytes = plan.workspaceBytes
        staging_bytes = plan.stagingBytes
        total_bytes = plan.totalBytes
        context = plan.contextLength
        kv = plan.cacheEncoding
        (host_swap_bytes, host_cache_bytes) = (plan.host.swapBytes, plan.host.cacheBytes)
        host_transfer_bytes = plan.host.transferBytes
      }
    }
  }
}
