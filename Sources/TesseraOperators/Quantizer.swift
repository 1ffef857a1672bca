import TesseraCL
import TesseraKernels
import TesseraMemory

/// Quantizes rows on the device to the bytes that a file would have: `Kernels/quantization/quantize.cl`.
///
/// Q4_0 to Q8_0, TQ1_0, TQ2_0 and MXFP4 are the bytes of ggml's own quantizers; Q4_K, Q5_K and Q6_K are searched for the
/// least squared error. The same elements give the same bytes on every device.
package struct Quantizer: Sendable {
  /// The formats that elements can be brought to.
  package static let formats: [WeightFormat] = [
    .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K, .tq1_0, .tq2_0, .mxfp4,
  ]
  /// The formats that elements can come in.
  package static let inputs: [WeightFormat] = [.f32, .f16, .bf16]

  private let library: KernelLibrary

  package init(_ library: KernelLibrary) { self.library = library }

  /// Elements of a block that is quantized alone.
  static func blockSize(_ format: WeightFormat) -> Int {
    inputs.contains(format) ? 1 : format.superBlockSize
  }

  /// Bytes of `elements` elements, as a file has them.
  package static func byteCount(_ elements: Int, as format: WeightFormat) -> Int {
    elements / format.superBlockSize * format.fileSuperBlockBytes
      + elements % format.superBlockSize * (format.fileSuperBlockBytes / format.superBlockSize)
  }

  /// Quantizes `elements` elements, a multiple of the format's super-block (of 1 for halves).
  ///
  /// - Parameters:
  ///   - x: elements of the format `input`, as a file has them.
  ///   - y: gets the blocks; other memory.
  /// - Throws: `OperatorError` if there is no such quantizer or the number does not fit, `CLError`.
  package func enqueue(
    _ x: any DeviceMemory, as input: WeightFormat, into y: any DeviceMemory, elements: Int, to format: WeightFormat,
    on sink: some CommandSink
  ) throws {
    guard Self.inputs.contains(input), Self.formats.contains(format) else {
      throw OperatorError(.shape, "\(input.name) elements cannot be brought to \(format.name)")
    }
    let blockSize = Self.blockSize(format)
    guard elements > 0, elements.isMultiple(of: blockSize) else {
      throw OperatorError(
        .shape, "\(elements) elements are not a whole number of \(format.name) blocks of \(blockSize)")
    }
    var block = QuantizeArguments()
    block.block_count = UInt64(elements / blockSize)
    try sink.dispatch(
      Dispatch(
        KernelVariant(
          "quantization/quantize.cl", "quantize",
          [.init("INPUT", input.rawValue), .init("FORMAT", format.rawValue)]), block,
        views: [x.view, y.view], written: [1],
        units: .init((elements / blockSize + Self.unitBlocks(format) - 1) / Self.unitBlocks(format)),
        localSize: library.style.localSize,
        cost: .init(bytes: Self.byteCount(elements, as: input) + Self.byteCount(elements, as: format))), library)
  }

  /// The macro `UNIT_BLOCKS`.
  private static func unitBlocks(_ format: WeightFormat) -> Int {
    Int(blockSize(format) == 1 ? QUANTIZE_ELEMENTS : QUANTIZE_BLOCKS)
  }
}
