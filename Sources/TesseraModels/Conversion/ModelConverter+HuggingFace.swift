import TesseraFiles
import TesseraOperators

extension ModelConverter {
  /// A Hugging Face folder as a GGUF file: its family declares every tensor and every size under both names.
  ///
  /// - Parameters:
  ///   - type: what matrices are brought to; nil keeps them as they are. Vectors become float32.
  ///   - adapters: added to the matrices that they are for.
  ///   - tokenizer: gives keys and values of the tokenizer, in order, for so many rows of the embedding; none: the file
  ///     says that it has no tokenizer.
  /// - Throws: `FileError` and `ModelError` for a folder that is not supported, or whose model a GGUF file cannot
  ///   express.
  package init(
    _ folder: HuggingFaceCheckpoint, to type: GGMLType?, merging adapters: [Adapter] = [],
    tokenizer: (_ vocabularySize: Int) throws -> [(key: String, value: MetadataValue)] = { _ in [] }
  ) throws {
    let record = ExportRecord()
    var hyperparameters = try Hyperparameters(folder)
    hyperparameters.record = record
    let family = try Families.family(of: hyperparameters)
    let store = ParameterStore(planning: folder, weightFormat: nil, alignment: 1)
    let model = try family.init(hyperparameters, ParameterScope(store, hyperparameters))
    try store.checkAllUsed()
    try hyperparameters.checkAllUsed()
    if let first = record.contents.inexpressible.first {
      throw Self.refusal("the configuration's \(first)", of: folder)
    }

    let scaling = try RopeParameters.export(hyperparameters, model.profile, into: record)
    let contents = record.contents
    try adapters.checkArchitecture(family.ggufName(of: hyperparameters.architecture) ?? hyperparameters.architecture)
    let merge = try AdapterMerge(adapters, folder)
    let items = try Self.items(store, contents, merge, wanted: type) + scaling
    try merge.checkAllUsed()
    let metadata = try Self.metadata(
      folder, family, model.profile, contents, type: type, items: items,
      tokenizer: tokenizer(model.profile.vocabularySize))
    self.init(metadata: metadata, items: items)
    try check(against: model.profile, hasDivisors: !scaling.isEmpty, of: folder)
  }

  // MARK: Tensors

  private static func items(
    _ store: ParameterStore, _ record: ExportRecord.Contents, _ merge: AdapterMerge, wanted: GGMLType?
  ) throws -> [Item] {
    var names: [String] = []
    var declarations: [String: [ParameterStore.Declaration]] = [:]
    for declaration in store.declarations {
      guard let name = declaration.parameter.gguf else {
        throw ModelError(
          .unsupportedFeature,
          "\(store.checkpoint.path): tensor \(declaration.tensor.name): GGUF files have no name for it")
      }
      if declarations[name] == nil { names.append(name) }
      // A tensor that is declared twice is written once; rows of it that are declared apart are put together.
      let isKnown = declarations[name]?.contains {
        $0.tensor.name == declaration.tensor.name && $0.storedRows == declaration.storedRows
          && $0.parameter.columnRows?.rows == declaration.parameter.columnRows?.rows
      }
      if isKnown != true { declarations[name, default: []].append(declaration) }
    }
    return try names.map { name in
      // Several: experts, whose rows follow each other, or parts of one tensor.
      let parts = declarations[name] ?? []
      let areRows = parts.allSatisfy { $0.parameter.slice != nil }
      let rows = try parts.map { try Self.rows(of: $0, named: name, record, merge, store.checkpoint) }
      guard let first = parts.first, let firstRows = rows.first else {
        throw ModelError(.inconsistent, "\(name): a tensor of nothing")
      }
      let joined = parts.count == 1 ? firstRows : try TensorRows.joined(rows)
      guard first.isMatrix else {
        if name.contains("_exps.") {
          return try Item(name, .f32, shape: [joined.rowCount, joined.columnCount], rows: joined)
        }
        if areRows {
          return try Item(name, .f32, shape: [joined.rowCount * joined.columnCount], rows: joined.asOneRow())
        }
        let shape = (parts.count == 1 ? [] : [parts.count]) + first.tensor.shape
        // The host reads it: it is of floats, whatever is wanted.
        let type = wanted == nil ? ConversionType.type(of: name, shape: shape, wanted: first.tensor.type) : .f32
        return try Item(name, type, shape: shape, rows: joined)
      }
      // Experts of one tensor are parts of another.
      let shape =
        areRows
        ? (name.contains("_exps.") ? [parts.count] : [])
          + [joined.rowCount / (name.contains("_exps.") ? parts.count : 1), joined.columnCount]
        : (parts.count == 1 ? [] : [parts.count]) + [firstRows.rowCount, firstRows.columnCount]
      let type = ConversionType.type(
        of: name, shape: shape, from: first.tensor.type, wanted: wanted ?? first.tensor.type)
      return try Item(name, type, shape: shape, rows: joined)
    }
  }

  private static func rows(
    of declaration: ParameterStore.Declaration, named name: String, _ record: ExportRecord.Contents,
    _ merge: AdapterMerge, _ checkpoint: any Checkpoint
  ) throws -> TensorRows {
    let tensor = declaration.tensor
    let headDim = record.interleavedHeadDim(of: name)
    if !declaration.isMatrix {
      let runs = declaration.storedRows
      let columns = headDim == nil && runs == nil ? tensor.columnCount : 1
      let rows = TensorRows.values(
        tensor, in: checkpoint, columnCount: columns, adding: declaration.parameter.offset)
      guard headDim != nil || runs != nil else { return rows }
      // A vector's elements, in the order of the matrix's rows.
      var values = try FloatTensor.values(tensor, in: checkpoint)
      if let runs { values = runs.flatMap { values[$0.clamped(to: 0..<values.count)] } }
      guard let headDim else {
        // Experts' are rows.
        let rows = tensor.shape.count > 1 ? tensor.rowCount : values.count
        return .floats(values, columnCount: values.count / max(1, rows))
      }
      guard headDim > 0, values.count.isMultiple(of: headDim) else { return rows }
      let ordered = values.indices.map { values[HeadOrder.halved($0, size: headDim)] }
      return .floats(ordered, columnCount: values.count)
    }
    if declaration.parameter.isTransposed {
      return try merge.rows(.transposed(tensor, in: checkpoint), of: declaration.parameter)
    }
    var rows = try merge.rows(
      declaration.parameter.columnRows.map { TensorRows.transposed(tensor, rows: $0.rows, in: checkpoint) }
        ?? .stored(tensor, in: checkpoint), of: declaration.parameter)
    if let runs = declaration.storedRows { rows = rows.taking(runs) }
    return headDim.map { rows.interleavingHeads(of: $0) } ?? rows
  }

  // MARK: Metadata

  private static func metadata(
    _ folder: HuggingFaceCheckpoint, _ family: any ModelFamily.Type, _ profile: ModelProfile,
    _ record: ExportRecord.Contents, type: GGMLType?, items: [Item], tokenizer: [(key: String, value: MetadataValue)]
  ) throws -> Metadata {
    guard let architecture = family.ggufName(of: profile.architecture) else {
      throw ModelError(.unsupportedFeature, "\(folder.path): GGUF files have no name for this architecture")
    }
    var keys: [String] = []
    var values: [String: MetadataValue] = [:]
    func set(_ key: String, _ value: MetadataValue) {
      if values.updateValue(value, forKey: key) == nil { keys.append(key) }
    }
    set("general.architecture", .string(architecture))
    let name = folder.path.split(separator: "/").last.map(String.init) ?? architecture
    set("general.name", .string(name))
    let types = Dictionary(grouping: items.filter { $0.tensor.shape.count > 1 }, by: \.tensor.type)
    let usual = type ?? types.max { $0.value.count < $1.value.count }?.key ?? .f32
    if let number = ConversionType.fileType(usual) { set("general.file_type", .uint32(number)) }
    if usual.isQuantized { set("general.quantization_version", .uint32(2)) }
    for key in record.keys {
      // A window that is switched off is none.
      let hasWindow = profile.slidingWindow != nil || profile.attentionGroups.contains { $0.reach != nil }
      if key == "attention.sliding_window", !hasWindow { continue }
      if let value = record.values[key] { set("\(architecture).\(key)", value) }
    }
    if let size = record.values["attention.key_length"] { set("\(architecture).attention.value_length", size) }
    set("\(architecture).vocab_size", .uint32(UInt32(clamping: profile.vocabularySize)))
    if family is any Encoder.Type {
      set("\(architecture).attention.causal", .bool(false))
      if let number = try pooling(folder) { set("\(architecture).pooling_type", .uint32(number)) }
    }
    if let segments = items.first(where: { $0.tensor.name == "token_types.weight" }) {
      set("tokenizer.ggml.token_type_count", .uint32(UInt32(clamping: segments.tensor.rowCount)))
    } else if family is any Encoder.Type {
      // llama.cpp wants it of models without segments, too.
      set("tokenizer.ggml.token_type_count", .uint32(1))
    }
    for (key, value) in tokenizer { set(key, value) }
    if tokenizer.isEmpty {
      set("tokenizer.ggml.model", .string("no_vocab"))
      if let end = folder.config["eos_token_id"]?.intValue, let id = UInt32(exactly: end) {
        set("tokenizer.ggml.eos_token_id", .uint32(id))
      }
    }
    return Metadata(ordered: keys, values, of: folder.path)
  }

  /// llama.cpp's number for how rows become one; nil where the folder does not say, or says something else.
  private static func pooling(_ folder: HuggingFaceCheckpoint) throws -> UInt32? {
    guard let fields = try folder.object(.pooling) else { return nil }
    let modes: [(String, UInt32)] = [("mean_tokens", 1), ("cls_token", 2), ("lasttoken", 3)]
    let chosen = try modes.filter { try fields.optionalBool("pooling_mode_\($0.0)") == true }
    return chosen.count == 1 ? chosen[0].1 : nil
  }

  // MARK: Check

  private static func refusal(_ what: String, of folder: HuggingFaceCheckpoint) -> ModelError {
    ModelError(
      .unsupportedFeature, "\(folder.path): a GGUF file cannot express \(what), so the model is not converted")
  }

  /// Refuses what a GGUF file cannot say: what is written would be read as another model.
  private func check(
    against profile: ModelProfile, hasDivisors: Bool, of folder: HuggingFaceCheckpoint
  ) throws {
    func refuse(_ what: String) -> ModelError { Self.refusal(what, of: folder) }
    let described = try DescribedCheckpoint(
      name: folder.path,
      metadata: Dictionary(
        metadata.keys.compactMap { key in metadata[key].map { (key, $0) } }, uniquingKeysWith: { first, _ in first }),
      tensors: items.map(\.tensor))
    let c = try Hyperparameters(described)
    let store = ParameterStore(planning: described, weightFormat: nil, alignment: 1)
    let read = try Families.family(of: c).init(c, ParameterScope(store, c)).profile
    try store.checkAllUsed()
    try c.checkAllUsed()
    guard read.activation == profile.activation else { throw refuse("the activation \(profile.activation)") }
    guard "\(read.attentionGroups)" == "\(profile.attentionGroups)" else { throw refuse("which layers have windows") }
    guard read.contextLength == profile.contextLength, read.vocabularySize == profile.vocabularySize,
      read.layerCount == profile.layerCount, read.intermediateSize == profile.intermediateSize,
      read.decoderStartToken == profile.decoderStartToken, read.segmentCount == profile.segmentCount,
      read.classification == profile.classification
    else { throw refuse("the model's sizes") }
    // Factors of frequencies are a tensor, which a description does not have.
    guard !hasDivisors else { return }
    let areSame = zip(read.rotaryTables, profile.rotaryTables).allSatisfy { a, b in
      a.rotaryDim == b.rotaryDim && abs(a.magnitude - b.magnitude) <= 1e-6 * abs(b.magnitude)
        && zip(a.frequencies, b.frequencies).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) }
    }
    guard areSame, read.rotaryTables.count == profile.rotaryTables.count else { throw refuse("the rotary embedding") }
  }
}

extension RopeParameters {
  /// Records the scaling's keys; what has none in GGUF files is a tensor of factors.
  static func export(_ c: Hyperparameters, _ profile: ModelProfile, into record: ExportRecord) throws
    -> [ModelConverter.Item]
  {
    guard let table = profile.rotaryTables.first else { return [] }
    // The family has read them.
    let others: Set = ["mscale", "mscale_all_dim", "llama_4_scaling_beta", "max_position_embeddings"]
    switch try scaling(c, contextLength: profile.contextLength, isPart: true, others: others) {
    case .none: return []
    case .linear(let factor):
      record.set("rope.scaling.type", .string("linear"))
      record.set("rope.scaling.factor", factor)
      return []
    case .yarn(let factor, let betaFast, let betaSlow, let attentionFactor, let originalContext, _):
      record.set("rope.scaling.type", .string("yarn"))
      record.set("rope.scaling.factor", factor)
      record.set("rope.scaling.yarn_beta_fast", betaFast)
      record.set("rope.scaling.yarn_beta_slow", betaSlow)
      if let attentionFactor { record.set("rope.scaling.attn_factor", attentionFactor / yarnMagnitude(factor)) }
      record.set("rope.scaling.original_context_length", originalContext)
      return []
    case .longRope(let short, let long, let magnitude, let originalContext):
      record.set("rope.scaling.type", .string("longrope"))
      record.set("rope.scaling.attn_factor", magnitude)
      record.set("rope.scaling.original_context_length", originalContext)
      return try [("short", short), ("long", long)].map { name, factors in
        try ModelConverter.Item(
          "rope_factors_\(name).weight", .f32, shape: [factors.count],
          rows: .floats(factors.map { Float($0) }, columnCount: factors.count))
      }
    case .llama3, .divisors:
      guard let theta = record.contents.values["rope.freq_base"]?.doubleValue else { return [] }
      let plain = try RotaryTable(rotaryDim: table.rotaryDim, ropeTheta: theta)
      let factors = zip(plain.frequencies, table.frequencies).map { Float($0 / $1) }
      return [
        try ModelConverter.Item(
          "rope_freqs.weight", .f32, shape: [factors.count], rows: .floats(factors, columnCount: factors.count))
      ]
    }
  }
}
