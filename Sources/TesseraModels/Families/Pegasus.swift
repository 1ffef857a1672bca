/// PEGASUS (Zhang et al. 2020): sinusoidal positions, a norm before each block and behind each stack.
struct Pegasus: BARTEncoderDecoder {
  static let huggingFaceNames = ["PegasusForConditionalGeneration"]

  let stacks: BARTStacks

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    stacks = try BARTStacks(c, p, .init(positions: .sinusoidal(.paper, from: 0), norms: .before))
  }
}
