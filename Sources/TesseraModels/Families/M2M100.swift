/// M2M-100 (Fan et al. 2021) and NLLB (NLLB team 2022): sinusoidal positions from the third on, a norm before each block
/// and behind each stack. The first token of an answer says which language it is in.
struct M2M100: BARTEncoderDecoder {
  static let huggingFaceNames = ["M2M100ForConditionalGeneration"]

  let stacks: BARTStacks

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    stacks = try BARTStacks(
      c, p, .init(positions: .sinusoidal(.tensor2tensor, from: 2), norms: .before, scalesEmbedding: true))
  }
}
