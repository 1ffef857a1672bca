import Tessera
import TesseraModels

extension InspectCommand {
  /// Says what an adapter is.
  func describe(_ adapter: Adapter) throws {
    let document = AdapterDocument(adapter)
    if json { return try Terminal.printJSON(document) }
    Terminal.print(
      "a low-rank adapter (LoRA) of \(document.matrices) matrices, \(document.parameters) parameters, \(document.format)"
    )
    if let architecture = document.architecture { Terminal.print("  architecture: \(architecture)") }
    if let base = document.base { Terminal.print("  of: \(base)") }
    Terminal.print("  rank: \(document.ranks.map { "\($0)" }.joined(separator: ", "))")
    Terminal.print("  scale (alpha / rank): \(document.scales.map { "\($0)" }.joined(separator: ", "))")
    Terminal.print("  targets: \(document.targets.joined(separator: ", "))")
    Terminal.print("  use it beside its model: --lora \(adapter.path)")
    guard !quiet else { return }
    for tensor in adapter.checkpoint.tensors {
      Terminal.print("  \(tensor.name)  \(tensor.type.name)  \(tensor.shape)")
    }
  }
}

/// Named as the document names them.
private struct AdapterDocument: Encodable {
  let kind: String
  let format: String
  let architecture, base: String?
  let matrices, parameters: Int
  let ranks: [Int]
  let scales: [Double]
  let targets: [String]

  init(_ adapter: Adapter) {
    kind = "lora"
    format = adapter.isGGUF ? "GGUF" : "safetensors of PEFT"
    (architecture, base) = (adapter.architecture, adapter.base)
    matrices = adapter.pairs.count
    parameters = adapter.checkpoint.tensors.reduce(0) { $0.addingReportingOverflow($1.elementCount).partialValue }
    (ranks, scales, targets) = (adapter.ranks, adapter.scales, adapter.targets)
  }
}
