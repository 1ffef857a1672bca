import TesseraCL
import TesseraKernels

/// One kernel's work: which variant, on what memory, in how many units. Every operator makes its work of these, and a sink runs,
/// records or counts it.
package struct Dispatch: Sendable {
  /// Work that can run side by side: work-groups of a launch, or units of a step program's phase.
  package struct Units: Sendable, Equatable {
    package var x, y, z: Int

    package init(_ x: Int, _ y: Int = 1, _ z: Int = 1) { (self.x, self.y, self.z) = (x, y, z) }

    package var count: Int { x * y * z }
  }

  /// Device traffic and arithmetic, by the operator's formula.
  package struct Cost: Sendable, Equatable {
    package var bytes: Int
    /// Those of `bytes` that are the model's weights.
    package var weightBytes: Int
    package var operations: Int

    package init(bytes: Int = 0, weightBytes: Int = 0, operations: Int = 0) {
      (self.bytes, self.weightBytes, self.operations) = (bytes, weightBytes, operations)
    }
  }

  package var variant: KernelVariant
  /// The name of the argument block's struct, and its bytes; the views' offsets are filled in where it is sent.
  package let blockName: String
  package let block: [UInt8]
  /// The kernel's buffers in order; nil: unused by this variant.
  package var views: [BufferView?]
  /// Which of the views are written.
  package let written: [Int]
  package var units: Units
  /// Work-items of a unit.
  package let localSize: Int
  /// A UInt32 that the device has computed and that limits `units.x`, which is then the most it can be.
  package var count: BufferView?
  package var cost: Cost
  /// Whether a step program may contain it; otherwise it ends a segment.
  package var isInlinable = true

  /// - Throws: `OperatorError` unless there are as many views as the block has offsets of them.
  package init<Block: ArgumentBlock & BitwiseCopyable>(
    _ variant: KernelVariant, _ block: Block, views: [BufferView?], written: [Int], units: Units, localSize: Int,
    count: BufferView? = nil, cost: Cost = Cost()
  ) throws(OperatorError) {
    guard views.count == Block.viewCount else {
      throw OperatorError(
        .shape, "\(variant.function) with \(views.count) views: \(Block.structName) has \(Block.viewCount)")
    }
    self.variant = variant
    blockName = Block.structName
    self.block = withUnsafeBytes(of: block) { Array($0) }
    self.views = views
    self.written = written
    self.units = units
    self.localSize = localSize
    self.count = count
    self.cost = cost
  }

  /// The argument block with the byte offset of each view, as they are placed now.
  func placedBlock() -> [UInt8] {
    var bytes = block
    bytes.withUnsafeMutableBytes { memory in
      for (index, view) in views.enumerated() {
        memory.storeBytes(of: UInt64(view?.byteOffset ?? 0), toByteOffset: index * 8, as: UInt64.self)
      }
    }
    return bytes
  }
}

/// Something that takes an operator's work: a queue, which runs it; a list, which keeps it until a step is laid out.
package protocol CommandSink: AnyObject {
  /// - Parameter library: compiles the variant where it is run.
  func dispatch(_ dispatch: Dispatch, _ library: KernelLibrary) throws
}

/// A struct of `Kernels/include/TesseraArguments.h`, which begins with the offsets of `viewCount` views.
package protocol ArgumentBlock {
  static var structName: String { get }
  static var viewCount: Int { get }
}

extension NormArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("norm_arguments", 5)
}
extension RopeStoreArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("rope_store_arguments", 6)
}
extension AttentionArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("attention_arguments", 13)
}
extension MergeArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("merge_arguments", 4)
}
extension MatmulArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("matmul_arguments", 8)
}
extension PackArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("pack_arguments", 5)
}
extension EmbeddingArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("embedding_arguments", 3)
}
extension ElementwiseArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("elementwise_arguments", 2)
}
extension GatherArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("gather_arguments", 3)
}
extension RouteArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("route_arguments", 6)
}
extension HeadsArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("heads_arguments", 3)
}
extension CombineArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("combine_arguments", 7)
}
extension RepackArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("repack_arguments", 2)
}
extension QuantizeArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("quantize_arguments", 2)
}
extension RandomArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("random_arguments", 1)
}
extension CacheBlockArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("cache_block_arguments", 3)
}
extension CacheRowArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("cache_row_arguments", 3)
}
extension SamplingArguments: ArgumentBlock {
  package static let (structName, viewCount) = ("sampling_arguments", 4)
}
