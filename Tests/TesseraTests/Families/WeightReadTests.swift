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

    /// The words of a projection's only matrix, loaded.
    private func words(
      _ folder: String, scope name: String, _ parts: [ParameterScope.Part], columns: Int, isTransposed: Bool = false
    ) throws -> [UInt32] {
      let checkpoint = try openCheckpoint(path: FamilyFixture(folder: folder, isGGUF: false).folderPath)
      let layout = try ModelDraft(checkpoint, on: device).layout
      let library = KernelLibrary(context: try Context(device))
      let (heap, queue) = (try DeviceHeap(library.context), try Queue(library.context))
      let store = ParameterStore(
        loading: checkpoint, weightFormat: nil,
        onto: try ParameterDevice(library, plan: layout.parameters, heap: heap, queue: queue, seed: 0),
        alignment: heap.limits.baseAddressAlignment, progress: { _ in })
      let scope = ParameterScope(store, layout.hyperparameters).scope(name, gguf: "")
      let linear = try scope.linear(parts: parts, columns: columns, isTransposed: isTransposed)
      let part = try #require(linear.parts.first)
      #expect(linear.parts.count == 1 && linear.rows == parts.reduce(0) { $0 + $1.rows })
      guard case .buffer(let buffer) = part.matrix.view.memory else { return [] }
      return try queue.read(
        buffer, as: UInt32.self, count: part.matrix.shape.byteCount / 4, byteOffset: part.matrix.view.byteOffset)
    }

    @Test(
      "projections may be rows of one tensor, stored either way",
      arguments: [
        ("gpt2", "transformer.h.1.attn", "c_attn", 96, 32, true),
        ("bert", "encoder.layer.1.intermediate", "dense", 64, 32, false),
      ])
    func partsOfOne(folder: String, scope: String, name: String, rows: Int, columns: Int, isTransposed: Bool) throws {
      func words(_ parts: [ParameterScope.Part]) throws -> [UInt32] {
        try self.words(folder, scope: scope, parts, columns: columns, isTransposed: isTransposed)
      }
      func part(_ start: Int, _ count: Int) -> ParameterScope.Part {
        .init(name, gguf: nil, rows: count, at: (start, rows))
      }
      let whole = try words([.init(name, gguf: nil, rows: rows)])
      #expect(try words([part(0, 16), part(16, 32), part(48, rows - 48)]) == whole)
      #expect(try words([part(48, rows - 48), part(0, 48)]) != whole)
      #expect(throws: ModelError.self) { try words([part(rows - 16, 32)]) }
      #expect(throws: ModelError.self) { try words([.init(name, gguf: nil, rows: 16, at: (0, rows + 1))]) }
    }

    @Test("rows of a tensor that are used twice are loaded once, others of it besides")
    func slices() throws {
      try SyntheticModel.llama.withFile {
        let store = ParameterStore(planning: try openCheckpoint(path: $0), weightFormat: nil, alignment: 64)
        let scope = ParameterScope(store, try Hyperparameters(store.checkpoint))
        var sizes: [Int] = []
        for rows in [0..<32, 0..<32, 32..<64] {
          let parameter = Parameter(name: nil, gguf: "blk.0.attn_q.weight", slice: (rows, 64))
          _ = try store.matrix(parameter, rows: 32, columns: 64, of: scope)
          sizes.append(store.plan.totalBytes)
        }
        #expect(sizes[0] > 0 && sizes == [1, 1, 2].map { $0 * sizes[0] })
      }
    }

    @Test("formats of weights are not the numbers of files' types: each names the type of its own name")
    func types() {
      for format in WeightFormat.allCases {
        #expect(format.ggmlType?.name == format.name)
        #expect(format.ggmlType.flatMap { WeightFormat($0) } == format)
      }
      #expect([GGMLType.i8, .f64, .q8_1, .nvfp4].allSatisfy { WeightFormat($0) == nil })
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
