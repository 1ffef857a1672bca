import TesseraFiles

/// A low-rank adapter of a model (LoRA, Hu et al. 2021): beside some of its matrices W lie A (rank, columns) and B (rows, rank), by
/// which W · x becomes W · x + scale · B · (A · x).
package struct Adapter: Sendable {
  /// What lies beside one matrix.
  package struct Pair: Sendable {
    let a, b: StoredTensor
    let scale: Double
    var rank: Int { a.rowCount }
  }

  /// By which requests choose it.
  package let name: String
  package let checkpoint: any Checkpoint
  /// Whether matrices are named as in GGUF files; else as in folders.
  package let isGGUF: Bool
  /// By the matrix's name.
  package let pairs: [String: Pair]
  /// The architecture that the file names, of a GGUF file.
  package let architecture: String?
  /// The model that it was trained for, as the file names it.
  package let base: String?

  package var path: String { checkpoint.path }
  /// Its files, as they were opened.
  package var files: [OpenFile] {
    (checkpoint as? AdapterFolder)?.files ?? (checkpoint as? GGUFCheckpoint)?.files.compactMap(\.mappedFile.file) ?? []
  }
  /// Of the pairs, each once, the smallest first.
  package var ranks: [Int] { Set(pairs.values.map(\.rank)).sorted() }
  /// What products with B are multiplied by, each once.
  package var scales: [Double] { Set(pairs.values.map(\.scale)).sorted() }
  /// The kinds of matrices, such as `q_proj`, each once.
  package var targets: [String] {
    Set(pairs.keys.map { $0.split(separator: ".").dropLast().last.map(String.init) ?? $0 }).sorted()
  }

  /// Opens a folder of PEFT's, or a GGUF file of `convert_lora_to_gguf.py`.
  ///
  /// - Parameters:
  ///   - name: nil takes the last part of the path.
  ///   - scale: besides the adapter's own.
  /// - Throws: `FileError`, `ModelError` for what is missing, does not fit, or is not understood.
  package init(path: String, name: String? = nil, scale: Double = 1) throws {
    guard scale.isFinite else { throw ModelError(.badBatch, "\(path): a scale of \(scale): it must be a number") }
    let parts =
      try AdapterFolder.isFolder(path) ? Parts(AdapterFolder(path: path)) : Parts(GGUFCheckpoint(path: path))
    self.name = name ?? path.split(separator: "/").last.map(String.init) ?? path
    (checkpoint, isGGUF) = (parts.checkpoint, parts.isGGUF)
    (architecture, base) = (parts.architecture, parts.base)
    pairs = try parts.pairs(scale: scale)
  }

  /// Whether a path is an adapter's, and no model's.
  package static func isThere(_ path: String) -> Bool {
    if AdapterFolder.isFolder(path) { return AdapterFolder.isThere(path) }
    return (try? GGUFCheckpoint(path: path)).map { Parts.isAdapter($0.metadata) } ?? false
  }

  /// The pair beside a matrix, and the name that it has here.
  ///
  /// A stack that was saved without its head, or with another, has names of one part less or more.
  func pair(_ parameter: Parameter) -> (name: String, pair: Pair)? {
    guard let name = isGGUF ? parameter.gguf : parameter.name else { return nil }
    if let pair = pairs[name] { return (name, pair) }
    guard !isGGUF else { return nil }
    let bare = name.drop { $0 != "." }.dropFirst()
    if let pair = pairs[String(bare)] { return (String(bare), pair) }
    return pairs.filter { $0.key.hasSuffix("." + name) && !$0.key.dropLast(name.utf8.count + 1).contains(".") }
      .min { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Throws for pairs that nothing has asked for.
  func check(used: Set<String>, _ model: any Checkpoint) throws {
    guard let first = pairs.keys.sorted().first(where: { !used.contains($0) }) else { return }
    throw ModelError(
      .inconsistent,
      "\(path): \(first) is no matrix of \(model.path) that an adapter can change: it is another model's, or of a part "
        + "that takes none (embeddings, heads, experts, keys and values of a latent)")
  }

  /// The values of one of its tensors.
  func values(_ tensor: StoredTensor) throws -> [Float] { try FloatTensor.values(tensor, in: checkpoint) }
}

extension Adapter {
  /// What a file or folder says, before tensors are paired.
  struct Parts {
    let checkpoint: any Checkpoint
    let isGGUF: Bool
    var architecture: String?
    var base: String?
    /// Of a matrix, by its name and the rank.
    let scale: (String, Int) throws -> Double
    /// The matrix that a tensor lies beside, and whether it is A; nil: it is neither A nor B.
    let role: (String) -> (matrix: String, isA: Bool)?

    func pairs(scale own: Double) throws -> [String: Pair] {
      if let (name, type) = checkpoint.unreadableTensors.min(by: { $0.key < $1.key }) {
        throw refusal("tensor \(name) is \(type), which cannot be read")
      }
      var sides: [String: (a: StoredTensor?, b: StoredTensor?)] = [:]
      for tensor in checkpoint.tensors {
        guard let (matrix, isA) = role(tensor.name) else {
          throw refusal("tensor \(tensor.name) is no part of a plain low-rank adapter")
        }
        try FloatTensor.check(tensor, in: checkpoint)
        if isA { sides[matrix, default: (nil, nil)].a = tensor } else { sides[matrix, default: (nil, nil)].b = tensor }
      }
      guard !sides.isEmpty else { throw refusal("the adapter has no tensors") }
      var pairs: [String: Pair] = [:]
      for (matrix, side) in sides.sorted(by: { $0.key < $1.key }) {
        guard let a = side.a, let b = side.b else {
          throw refusal("\(matrix) has \(side.a == nil ? "B and no A" : "A and no B"): the file is incomplete")
        }
        guard a.shape.count == 2, b.shape.count == 2, b.columnCount == a.rowCount, a.elementCount > 0,
          b.elementCount > 0
        else { throw refusal("\(matrix): A \(a.shape) and B \(b.shape) are not (rank, columns) and (rows, rank)") }
        let factor = try own * scale(matrix, a.rowCount)
        guard Float(factor).isFinite else { throw refusal("\(matrix) has the scale \(factor)") }
        pairs[matrix] = Pair(a: a, b: b, scale: factor)
      }
      return pairs
    }

    func refusal(_ what: String) -> ModelError { ModelError(.unsupportedFeature, "\(checkpoint.path): \(what)") }
  }
}

extension [Adapter] {
  /// Throws for adapters of another architecture, and for two of one name.
  func check(against c: Hyperparameters, _ family: any ModelFamily.Type) throws {
    try checkArchitecture(c.isGGUF ? c.architecture : family.ggufName(of: c.architecture) ?? c.architecture)
    for (index, adapter) in enumerated() {
      if self[..<index].contains(where: { $0.name == adapter.name }) {
        throw ModelError(.badBatch, "two adapters are called \"\(adapter.name)\": give one another name (NAME=PATH)")
      }
    }
  }

  /// Throws for adapters of another architecture than that, in GGUF's names.
  func checkArchitecture(_ own: String) throws {
    for adapter in self {
      guard let architecture = adapter.architecture, architecture != own else { continue }
      throw ModelError(
        .inconsistent,
        "\(adapter.path): an adapter of \(architecture) beside a model of \(own): it is another model's")
    }
  }
}
