import TesseraCL
import TesseraFiles
import TesseraKernels
import TesseraMemory
import TesseraOperators
import TestSupport
import Testing

@testable import TesseraModels

/// Llama over a window with sinks, with ALiBi's slopes and learned sinks: what no family of today has.
private struct OtherLlama: StackedDecoder {
  static let ggufNames = ["llama"]
  static let huggingFaceNames: [String] = []

  let profile: ModelProfile
  let embedding: TokenEmbedding
  let layers: [TransformerLayer]
  let norm: Normalization
  let head: OutputHead

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    let base = try Llama(c, p)
    (embedding, norm, head) = (base.embedding, base.norm, base.head)
    var profile = base.profile
    profile.attentionGroups[0].kind = .window(24, sinks: 4)
    self.profile = profile
    let values = try p.vector(of: [Float](repeating: 1, count: profile.headCount), named: "a value for each head")
    layers = base.layers.map {
      var layer = $0
      layer.attention.extras = .init(slopes: values, sinks: values)
      return layer
    }
  }
}

extension FamilySuites {
  @Suite("Stacks of layers, and forms of attention")
  struct StackTests {
    private let device: Device

    init() throws { device = try #require(TestDevices.all.first).context().device }

    /// Five tokens, of which the last is wanted.
    private func shape(_ profile: ModelProfile) -> StepShape {
      var shape = StepShape(part: .model, result: .hidden, tokenCount: 5, outputCount: 1)
      shape.selectsOutputs = true
      shape.groups = profile.attentionGroups.map { _ in .init(tileCount: 5) }
      return shape
    }

    /// The commands of a decoder's layers, and the rows behind each range of them.
    private func run(_ decoder: some StackedDecoder, _ ranges: [Range<Int>], _ planner: StepPlanner) throws
      -> (commands: [Dispatch], rows: [Int])
    {
      let shape = shape(decoder.profile)
      let step = StepBuilder(
        shape, operators: planner.operators,
        inputs: StepInputs(shape, decoder.profile, in: .planned("inputs")), cache: planner.cache,
        rotations: planner.rotations, profile: decoder.profile)
      var x = try decoder.embed(step)
      let rows = try ranges.map { range in
        x = try decoder.run(range, on: x, step)
        return x.rows
      }
      return (step.sink.dispatches, rows)
    }

    @Test(
      "ranges of layers one behind another make the commands of all layers",
      arguments: ["gpt2", "qwen2-untied", "mixtral", "t5-gated", "deepseek-v2"])
    func ranges(folder: String) throws {
      let checkpoint = try openCheckpoint(path: FamilyFixture(folder: folder, isGGUF: false).folderPath)
      let planner = try ModelDraft(checkpoint, on: device).planner
      let decoder = try #require(planner.family as? any StackedDecoder)
      let count = decoder.layers.count
      let whole = try run(decoder, [0..<count], planner)
      let parts = try run(decoder, [0..<1, 1..<1, 1..<count], planner)
      #expect(whole.rows == [1] && parts.rows == [5, 5, 1])
      #expect(whole.commands.count > 8 * count)
      #expect(parts.commands.map(\.variant) == whole.commands.map(\.variant))
      #expect(parts.commands.map(\.block) == whole.commands.map(\.block))
    }

    @Test("a family's attention has slopes, sinks of its own, and those of its window")
    func forms() throws {
      try SyntheticModel.llama.withFile {
        let checkpoint = try openCheckpoint(path: $0)
        let draft = try ModelDraft(checkpoint, on: device)
        let store = ParameterStore(planning: checkpoint, weightFormat: nil, alignment: 64)
        let decoder = try OtherLlama(draft.layout.hyperparameters, ParameterScope(store, draft.layout.hyperparameters))
        let commands = try run(decoder, [0..<decoder.layers.count], draft.planner).commands
        let attention = commands.filter { $0.variant.function == "flash_attention" }
        #expect(attention.count == decoder.layers.count)
        for command in attention {
          let block = command.block.withUnsafeBytes { $0.loadUnaligned(as: AttentionArguments.self) }
          #expect(block.window == 24 && block.sink_keys == 4)
          #expect(command.variant.defines.contains { $0.name == "HAS_SLOPES" && $0.value == 1 })
          #expect(command.variant.defines.contains { $0.name == "HAS_SINKS" && $0.value == 1 })
        }
      }
    }
  }
}
