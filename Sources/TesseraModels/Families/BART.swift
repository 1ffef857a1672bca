/// BART (Lewis et al. 2020): learned positions, norms behind the embedding and behind each sum.
struct BART: BARTEncoderDecoder {
  static let huggingFaceNames = ["BartForConditionalGeneration"]

  let stacks: BARTStacks

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    stacks = try BARTStacks(c, p, .init(positions: .learned(from: 2), norms: .behind, normalizesEmbedding: true))
  }
}
