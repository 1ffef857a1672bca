import TesseraFiles

/// The variables of CTranslate2's `WhisperSpec` under the names that `transformers` has.
///
/// Self-attention keeps queries, keys and values in one product (`linear_0`), cross-attention keys and values
/// (`linear_1`), row after row: they are taken apart. Keys have no bias in Whisper; zeros stand there.
/// Source: `set_common_layers` of `WhisperLoader` and `BartLoader` in `python/ctranslate2/converters/transformers.py`,
/// and `modeling_whisper.py` of `transformers`.
struct WhisperVariables {
  /// The sizes that the variables' shapes show.
  struct Sizes {
    var modelSize = 0, vocabulary = 0, melCount = 0
    var sourcePositions = 0, targetPositions = 0
    var encoder = Side(), decoder = Side()
    /// The type of most elements, as `config.json` names it.
    var type = "float32"
    var isTied = true

    struct Side {
      var layers = 0, heads = 0, intermediate = 0
    }
  }

  private(set) var items: [ModelConverter.Item] = []
  private let model: CTranslate2Checkpoint
  private var used: Set<String> = []

  init(_ model: CTranslate2Checkpoint) { self.model = model }

  /// Fills `items`.
  ///
  /// - Throws: `ModelError` for another specification, or a variable that is not known.
  mutating func takeAll() throws -> Sizes {
    guard model.specification == "WhisperSpec", model.revision == 3 else {
      throw ModelError(
        .unsupportedArchitecture,
        "\(model.path): the model is a \(FileError.quoted(model.specification)) of revision \(model.revision): of "
          + "CTranslate2's models WhisperSpec of revision 3 is converted")
    }
    var sizes = Sizes()
    (sizes.melCount, _) = try shape("encoder/conv1/weight", rank: 3, 1, 0)
    (sizes.vocabulary, sizes.modelSize) = try shape("decoder/embeddings/weight", rank: 2, 0, 1)
    (sizes.sourcePositions, _) = try shape("encoder/position_encodings/encodings", rank: 2, 0, 1)
    (sizes.targetPositions, _) = try shape("decoder/position_encodings/encodings", rank: 2, 0, 1)
    try linear("encoder/conv1", "model.encoder.conv1")
    try linear("encoder/conv2", "model.encoder.conv2")
    try weight("decoder/embeddings/weight", "model.decoder.embed_tokens.weight")
    sizes.type = items.last.map { ["F16": "float16", "BF16": "bfloat16"][$0.tensor.type.name] ?? "float32" } ?? ""
    sizes.encoder = try side("encoder", hasSource: false)
    sizes.decoder = try side("decoder", hasSource: true)
    sizes.isTied =
      model.tensor(named: "decoder/projection/weight")?.name == model.tensor(named: "decoder/embeddings/weight")?.name
    if sizes.isTied {
      used.formUnion(["decoder/projection/weight", "decoder/projection/weight_scale"])
    } else {
      try weight("decoder/projection/weight", "proj_out.weight")
    }
    try check("decoder/pre_norm", 1)
    try check("decoder/activation", 3)
    for name in ["alibi", "scale_embeddings", "start_from_zero_embedding"] { try check("decoder/\(name)", 0) }
    // The first two are how CTranslate2 finds times of words; `config.json` has the list. The others are of ALiBi.
    for name in ["alignment_heads", "alignment_layer", "alibi_use_positive_positions", "scale_alibi"] {
      used.insert("decoder/\(name)")
    }
    if let name = model.names.subtracting(used).min() {
      throw ModelError(
        .unsupportedFeature, "\(model.path): the variable \(FileError.quoted(name)) is none of a Whisper model")
    }
    return sizes
  }

  private mutating func side(_ side: String, hasSource: Bool) throws -> Sizes.Side {
    var sizes = Sizes.Side()
    try weight("\(side)/position_encodings/encodings", "model.\(side).embed_positions.weight")
    try norm("\(side)/layer_norm", "model.\(side).layer_norm")
    sizes.heads = try scalar("\(side)/num_heads")
    while model.tensor(named: "\(side)/layer_\(sizes.layers)/ffn/linear_0/weight") != nil {
      let (from, to) = ("\(side)/layer_\(sizes.layers)", "model.\(side).layers.\(sizes.layers)")
      (sizes.intermediate, _) = try shape("\(from)/ffn/linear_0/weight", rank: 2, 0, 1)
      try norm("\(from)/self_attention/layer_norm", "\(to).self_attn_layer_norm")
      for (part, name) in ["q_proj", "k_proj", "v_proj"].enumerated() {
        try linear("\(from)/self_attention/linear_0", "\(to).self_attn.\(name)", part: part, of: 3)
      }
      try linear("\(from)/self_attention/linear_1", "\(to).self_attn.out_proj")
      if hasSource {
        try norm("\(from)/attention/layer_norm", "\(to).encoder_attn_layer_norm")
        try linear("\(from)/attention/linear_0", "\(to).encoder_attn.q_proj")
        for (part, name) in ["k_proj", "v_proj"].enumerated() {
          try linear("\(from)/attention/linear_1", "\(to).encoder_attn.\(name)", part: part, of: 2)
        }
        try linear("\(from)/attention/linear_2", "\(to).encoder_attn.out_proj")
      }
      try norm("\(from)/ffn/layer_norm", "\(to).final_layer_norm")
      try linear("\(from)/ffn/linear_0", "\(to).fc1")
      try linear("\(from)/ffn/linear_1", "\(to).fc2")
      sizes.layers += 1
    }
    guard sizes.layers > 0 else {
      throw ModelError(.inconsistent, "\(model.path): the \(side) has no layers: the file is damaged")
    }
    return sizes
  }

  private mutating func norm(_ name: String, _ target: String) throws {
    try weight("\(name)/gamma", "\(target).weight")
    try weight("\(name)/beta", "\(target).bias")
  }

  private mutating func linear(_ name: String, _ target: String, part: Int = 0, of count: Int = 1) throws {
    try weight("\(name)/weight", "\(target).weight", part: part, of: count)
    try weight("\(name)/bias", "\(target).bias", part: part, of: count)
  }

  /// One of `count` equal parts of a variable's rows.
  private mutating func weight(_ name: String, _ target: String, part: Int = 0, of count: Int = 1) throws {
    let tensor = try take(name)
    var shape = tensor.shape
    guard let size = shape.first, size.isMultiple(of: count) else {
      throw malformed(name, "has the shape \(shape), which is not \(count) equal parts")
    }
    shape[0] = size / count
    if target.hasSuffix("k_proj.bias") {
      let bytes = try model.bytes(of: tensor)
      let own = bytes.count / count
      guard bytes[part * own..<(part + 1) * own].allSatisfy({ $0 == 0 }) else {
        throw malformed(name, "adds something to keys, which no Whisper model does")
      }
      return
    }
    let rows: TensorRows
    switch tensor.type {
    case .f32, .f16, .bf16: rows = try plainRows(tensor, shape, part)
    case .i8, .i16: rows = try quantizedRows(tensor, shape, part, try scales(name, tensor))
    default: throw malformed(name, "has elements of \(tensor.type.name)")
    }
    items.append(try ModelConverter.Item(target, rows.type, shape: shape, rows: rows))
  }

  private func plainRows(_ tensor: StoredTensor, _ shape: [Int], _ part: Int) throws -> TensorRows {
    let own = try StoredTensor(tensor.name, tensor.type, shape, of: model.path)
    let (start, rowBytes) = (part * own.byteCount, own.rowByteCount)
    return TensorRows(
      type: own.type, rowCount: own.rowCount, columnCount: own.columnCount,
      finish: { [model] in model.release(tensor) },
      read: { [model] rows, body in
        let bytes = try model.bytes(of: tensor)
        try body(
          UnsafeRawBufferPointer(
            rebasing: bytes[start + rows.lowerBound * rowBytes..<start + rows.upperBound * rowBytes]))
      })
  }

  /// Rows of integers, each divided by the scale of its place in the first dimension.
  private func quantizedRows(_ tensor: StoredTensor, _ shape: [Int], _ part: Int, _ scales: [Float]) throws
    -> TensorRows
  {
    let own = try StoredTensor(tensor.name, tensor.type, shape, of: model.path)
    let (first, rowsOfScale) = (part * shape[0], max(own.rowCount / max(shape[0], 1), 1))
    return TensorRows(
      type: .f32, rowCount: own.rowCount, columnCount: own.columnCount,
      finish: { [model] in model.release(tensor) },
      read: { [model] rows, body in
        let bytes = try model.bytes(of: tensor)
        let start = part * own.elementCount
        var values: [Float] = []
        values.reserveCapacity(rows.count * own.columnCount)
        for row in rows {
          let scale = scales.count == 1 ? scales[0] : scales[first + row / rowsOfScale]
          for index in start + row * own.columnCount..<start + (row + 1) * own.columnCount {
            let value =
              own.type == .i8
              ? Float(Int8(bitPattern: bytes[index]))
              : Float(Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self)))
            values.append(value / scale)
          }
        }
        try values.withUnsafeBytes(body)
      })
  }

  private mutating func scales(_ name: String, _ tensor: StoredTensor) throws -> [Float] {
    let scale = try take("\(name)_scale")
    let values = try FloatTensor.values(scale, in: model)
    guard tensor.shape.count > 1, values.count == 1 || values.count == tensor.shape[0],
      values.allSatisfy({ $0 > 0 && $0.isFinite })
    else { throw malformed("\(name)_scale", "is no positive number for each row of \(tensor.shape)") }
    return values
  }

  // MARK: Variables

  private mutating func take(_ name: String) throws -> StoredTensor {
    used.insert(name)
    let tensor = try model.requiredTensor(named: name)
    used.insert(tensor.name)
    return tensor
  }

  /// Two of a variable's sizes.
  private func shape(_ name: String, rank: Int, _ first: Int, _ second: Int) throws -> (Int, Int) {
    let shape = try model.requiredTensor(named: name).shape
    guard shape.count == rank else { throw malformed(name, "has the shape \(shape), not one of \(rank) sizes") }
    return (shape[first], shape[second])
  }

  private mutating func scalar(_ name: String) throws -> Int {
    let tensor = try take(name)
    let bytes = try model.bytes(of: tensor)
    switch (tensor.shape.isEmpty, tensor.type) {
    case (true, .i8): return Int(Int8(bitPattern: bytes[0]))
    case (true, .i16): return Int(Int16(littleEndian: bytes.loadUnaligned(as: Int16.self)))
    case (true, .i32): return Int(Int32(littleEndian: bytes.loadUnaligned(as: Int32.self)))
    default: throw malformed(name, "is no whole number")
    }
  }

  private mutating func check(_ name: String, _ wanted: Int) throws {
    let value = try scalar(name)
    guard value == wanted else { throw malformed(name, "is \(value), and \(wanted) in every Whisper model") }
  }

  private func malformed(_ name: String, _ problem: String) -> ModelError {
    ModelError(.inconsistent, "\(model.path): the variable \(FileError.quoted(name)) \(problem)")
  }
}
