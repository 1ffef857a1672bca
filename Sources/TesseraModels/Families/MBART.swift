/// mBART and mBART-50 (Liu et al. 2020; Tang et al. 2020): BART with a norm before each block, and one more behind each
/// stack.
struct MBART: BARTEncoderDecoder {
  static let huggingFaceNames = ["MBartForConditionalGeneration"]

  let stacks: BARTStacks

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    stacks = try BARTStacks(c, p, .init(positions: .learned(from: 2), norms: .before, normalizesEmbedding: true))
  }
}
