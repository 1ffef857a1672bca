import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// A GGUF file to be made, and where its tensors' rows come from: written by `write`, which quantizes on a device.
package struct ModelConverter: Sendable {
  /// A tensor of the file.
  package struct Item: Sendable {
    /// Its name, type and shape in the file.
    package let tensor: StoredTensor
    /// Rows of the same type, which are copied, or of float32, float16 or bfloat16, which are brought to it.
    package let rows: TensorRows

    /// - Throws: `FileError` for a shape that the type cannot hold, `ModelError` `.inconsistent` where the rows are
    ///   others, or cannot be brought to the type.
    package init(_ name: String, _ type: GGMLType, shape: [Int], rows: TensorRows) throws {
      tensor = try StoredTensor(name, type, shape, of: name)
      self.rows = rows
      guard tensor.rowCount == rows.rowCount, tensor.columnCount == rows.columnCount else {
        throw ModelError(
          .inconsistent, "\(name): \(rows.rowCount) rows of \(rows.columnCount) elements are not the shape \(shape)")
      }
      guard type == rows.type || ModelConverter.canConvert(rows.type, to: type) else {
        throw ModelError(.unsupportedFeature, "\(name): \(rows.type.name) cannot be brought to \(type.name)")
      }
    }
  }

  /// The keys and values, in their order.
  package var metadata: Metadata
  package var items: [Item]

  package init(metadata: Metadata, items: [Item]) {
    self.metadata = metadata
    self.items = items
  }

  /// Whether elements of a type can be brought to another.
  package static func canConvert(_ source: GGMLType, to type: GGMLType) -> Bool {
    guard let input = WeightFormat(source), let format = WeightFormat(type) else { return false }
    return Quantizer.inputs.contains(input) && Quantizer.formats.contains(format)
  }

  /// Writes the file, a piece of rows at a time.
  ///
  /// - Parameters:
  ///   - stagingBytes: of each of the two buffers that rows pass through on the device.
  ///   - progress: called with the share that is written.
  ///   - context: gives the device that quantizes; called only where something is to be quantized.
  /// - Returns: the file's size in bytes.
  /// - Throws: `FileError`, `CLError`, `MemoryError`; nothing is left behind then.
  package func write(
    to path: String, stagingBytes: Int = 8 << 20, progress: (Double) -> Void = { _ in },
    context: () throws -> Context
  ) throws -> Int {
    let file = try GGUFFileWriter(path: path, metadata: metadata, tensors: items.map(\.tensor))
    var pass: ConversionPass?
    let total = items.reduce(0.0) { $0 + Double($1.tensor.byteCount) }
    var done = 0.0
    for item in items {
      defer { item.rows.release() }
      let rowBytes = max(item.rows.rowByteCount, item.tensor.rowByteCount, 1)
      let step = max(stagingBytes / rowBytes, 1)
      for first in stride(from: 0, to: item.rows.rowCount, by: step) {
        let rows = first..<min(first + step, item.rows.rowCount)
        if item.rows.type == item.tensor.type {
          try item.rows.withRows(rows) { try file.append($0) }
        } else if item.tensor.type == .f32 {
          // Which is exact, and needs no device.
          try item.rows.withRows(rows) { bytes in
            try FloatTensor.values(bytes, item.rows.type).withUnsafeBytes { try file.append($0) }
          }
        } else {
          if (pass?.byteCount ?? 0) < rowBytes {
            pass = try ConversionPass(context(), byteCount: max(stagingBytes, rowBytes))
          }
          if let bytes = try pass?.convert(rows, of: item) { try file.append(bytes) }
        }
        done += Double(rows.count * item.tensor.rowByteCount)
        progress(total > 0 ? done / total : 1)
      }
    }
    try file.finish()
    return file.byteCount
  }
}

/// The device's part: two buffers, one for elements and one for their blocks.
private struct ConversionPass {
  let quantizer: Quantizer
  let queue: Queue
  let elements: DeviceAllocation
  let blocks: DeviceAllocation

  var byteCount: Int { elements.byteCount }

  init(_ context: Context, byteCount: Int) throws {
    quantizer = Quantizer(KernelLibrary(context: context))
    queue = try Queue(context)
    let heap = try DeviceHeap(context)
    elements = try heap.allocate(byteCount: byteCount, purpose: .staging, label: "elements on their way")
    blocks = try heap.allocate(byteCount: byteCount, purpose: .staging, label: "blocks on their way")
  }

  func convert(_ rows: Range<Int>, of item: ModelConverter.Item) throws -> [UInt8] {
    guard let input = WeightFormat(item.rows.type), let format = WeightFormat(item.tensor.type) else { return [] }
    var offset = 0
    try item.rows.withRows(rows) { bytes in
      try queue.write(bytes, to: elements.buffer, byteOffset: offset)
      offset += bytes.count
    }
    try quantizer.enqueue(
      elements.buffer, as: input, into: blocks.buffer, elements: rows.count * item.rows.columnCount, to: format,
      on: queue)
    return try queue.read(blocks.buffer, as: UInt8.self, count: rows.count * item.tensor.rowByteCount)
  }
}
