import TesseraFiles
import TesseraMemory
import TesseraOperators

extension Transformer {
  /// All that is decided from a file's metadata, before anything is allocated.
  struct Layout {
    let configuration: Configuration
    let family: any ModelFamily.Type
    let rotaryTables: [RotaryTable]
    let cache: KVCacheLayout
    let arena: ArenaPlan
    let memory: MemoryPlan
    let chunkSize: Int

    static let defaultContextLength = 4096

    init(_ file: GGUFFile, limits: DeviceLimits, options: Options) throws {
      let c = try Configuration(file)
      configuration = c
      family = try ModelFamilies.family(of: c.architecture, path: file.mappedFile.path)
      rotaryTables = try family.rotaryTables(c, file)
      let contextLength = options.contextLength ?? min(c.contextLength, Self.defaultContextLength)
      guard (1...c.contextLength).contains(contextLength) else {
        throw ModelError(
          .badBatch, "a context of \(contextLength) tokens: the model was trained for 1 to \(c.contextLength)")
      }
      guard (1...65_536).contains(options.chunkSize) else {
        throw ModelError(.badBatch, "steps of \(options.chunkSize) tokens: 1 to 65536 are possible")
      }
      chunkSize = min(options.chunkSize, contextLength)
      cache = try KVCacheLayout(
        layerCount: c.layerCount, kvHeadCount: c.kvHeadCount, headDim: c.headDim, elementType: options.cacheElement)
      let blocks = try cache.blockCounts(
        contextLength: contextLength, sequenceCount: options.sequenceCount, stepTokens: chunkSize)[0]
      arena = try Workspace.plan(
        c, tokens: chunkSize, contextLength: blocks * cache.blockSize, blockSize: cache.blockSize,
        rotaryTables: rotaryTables.count, limits: limits)
      let weights = try WeightLoader.deviceBytes(file, alignment: limits.baseAddressAlignment)
      memory = try MemoryPlan(
        weightsBytes: weights.total, largestWeightBytes: weights.largest, kvLayout: cache, contextLength: contextLength,
        sequenceCount: options.sequenceCount, stepTokens: chunkSize, workspaceBytes: arena.byteCount,
        stagingBytes: try WeightLoader.stagingBytes(file))
    }
  }
}
