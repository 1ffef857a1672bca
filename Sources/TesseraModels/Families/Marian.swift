/// Marian's translators, OPUS-MT (Junczys-Dowmunt et al. 2018; Tiedemann & Thottingal 2020): the transformer of the paper
/// (Vaswani et al. 2017), with a bias of each token's logit.
struct Marian: BARTEncoderDecoder {
  static let huggingFaceNames = ["MarianMTModel"]

  let stacks: BARTStacks

  init(_ c: Hyperparameters, _ p: ParameterScope) throws {
    // Others have a vocabulary for each language.
    try c.require("share_encoder_decoder_embeddings", true)
    stacks = try BARTStacks(c, p, .init(positions: .sinusoidal(.paper, from: 0), norms: .behind))
  }
}
