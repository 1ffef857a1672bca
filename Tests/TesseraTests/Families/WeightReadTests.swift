import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators
import TestSupport
import Testing

@testable import TesseraModels

extension FamilySuites {
  @Suite("What is read of the weights")
  struct WeightReadTests {
    private let device: Device

    init() throws { device = try #require(TestDevices.all.first).context().device }

    private func weightBytesPerToken(_ folder: String) throws -> Int {
      let checkpoint = try openCheckpoint(path: FamilyFixture(folder: folder, isGGUF: false).folderPath)
      var options = ModelRunner.Options()
      // The other style's products have norms in them, whose weights they do not count.
      options.style = .vector
      return try ModelDraft(checkpoint, on: device, options: options).weightBytesPerToken
    }

    private func bytes(_ matrices: [(rows: Int, columns: Int)], _ format: WeightFormat) throws -> Int {
      try matrices.reduce(0) { try $0 + WeightShape(format: format, rows: $1.rows, columns: $1.columns).byteCount }
    }

    @Test("a token reads of five experts the two that it chooses, and of the embedding a row")
    func experts() throws {
      let layer =
        try bytes([(120, 32), (24, 32), (32, 96), (5, 32)], .bf16) + 2 * bytes([(64, 32), (32, 32)], .bf16)
        + 2 * 32 * 4
      let expected = try 2 * layer + bytes([(96, 32)], .bf16) + 32 * 4 + 32 * 2
      #expect(try weightBytesPerToken("mixtral") == expected)
    }

    @Test("a token reads nothing of an encoder, nor of the matrices of a source's keys and values")
    func encoderDecoder() throws {
      let layer = try bytes([(96, 32), (32, 32), (32, 32), (32, 32), (64, 32), (32, 64)], .f16) + 3 * 32 * 4
      let expected = try 2 * layer + bytes([(96, 32)], .f16) + 32 * 4 + 32 * 2
      #expect(try weightBytesPerToken("t5") == expected)
    }

    @Test("a matrix that begins within a group of 16 has 16 biases to read for each of its groups")
    func biases() throws {
      let checkpoint = try openCheckpoint(path: FamilyFixture(folder: "qwen2-tied", isGGUF: false).folderPath)
      let draft = try ModelDraft(checkpoint, on: device)
      let (layout, library) = (draft.layout, draft.library)
      let (heap, queue) = (try DeviceHeap(library.context), try Queue(library.context))
      let store = ParameterStore(
        loading: checkpoint, weightFormat: nil,
        onto: try ParameterDevice(library, plan: layout.parameters, heap: heap, queue: queue, seed: 0),
        alignment: heap.limits.baseAddressAlignment, progress: { _ in })
      let model = try Qwen2(layout.hyperparameters, ParameterScope(store, layout.hyperparameters))
      for layer in model.layers {
        let projections = layer.attention.projections
        let bias = try #require(projections.bias?.allocation)
        #expect(projections.parts.contains { !$0.firstRow.isMultiple(of: 16) })
        for part in projections.parts {
          #expect(bias.byteCount >= (part.firstRow + (part.matrix.shape.rows + 15) / 16 * 16) * 4)
        }
      }
    }
  }
}
