import TesseraFiles

extension ModelConverter {
  /// A GGUF model, in one file or several, as one file whose float tensors are brought to another type. All metadata is
  /// kept but what says how it lay in parts, and what it was quantized to.
  ///
  /// - Parameters:
  ///   - type: nil keeps all as it is.
  ///   - adapters: added to the matrices that they are for.
  /// - Throws: `FileError` for shapes that the type cannot hold.
  package init(_ model: GGUFCheckpoint, to type: GGMLType?, merging adapters: [Adapter] = []) throws {
    if !adapters.isEmpty { try adapters.checkArchitecture(model.metadata.string("general.architecture")) }
    let merge = try AdapterMerge(adapters, model)
    var keys = model.metadata.keys.filter { !$0.hasPrefix("split.") }
    var values = Dictionary(
      keys.compactMap { key in model.metadata[key].map { (key, $0) } }, uniquingKeysWith: { first, _ in first })
    func set(_ key: String, _ value: MetadataValue) {
      if values.updateValue(value, forKey: key) == nil { keys.append(key) }
    }
    let items = try model.tensors.map { tensor in
      let target = ConversionType.type(of: tensor.name, shape: tensor.shape, from: tensor.type, wanted: type)
      let rows = try merge.rows(.stored(tensor, in: model), of: tensor)
      return try Item(tensor.name, target, shape: tensor.shape, rows: rows)
    }
    try merge.checkAllUsed()
    // What was quantized before stays, so a file keeps its number unless something was brought to the type.
    if let type, let number = ConversionType.fileType(type), items.contains(where: { $0.tensor.type == type }) {
      set("general.file_type", .uint32(number))
      if type.isQuantized { set("general.quantization_version", .uint32(2)) }
    }
    self.init(metadata: Metadata(ordered: keys, values, of: model.path), items: items)
  }
}
