import TesseraFiles
import TesseraOperators

/// A family of models. To add one, write it in a file of its own and list it in `Families.all`.
protocol ModelFamily: Sendable {
  /// The values of `general.architecture` that it runs.
  static var ggufNames: [String] { get }
  /// The values of `architectures` in `config.json`.
  static var huggingFaceNames: [String] { get }
  /// The name in GGUF files of a model whose `config.json` has this one; nil: none.
  static func ggufName(of huggingFaceName: String) -> String?
  /// By default what its protocol says; a decoder with experts says so.
  static var kind: FamilyKind { get }
  /// Whether the family runs this model of its architecture's name; others may share the name.
  static func claims(_ c: Hyperparameters) -> Bool

  /// Reads the sizes and declares the parameters.
  init(_ c: Hyperparameters, _ p: ParameterScope) throws

  var profile: ModelProfile { get }
}

/// A model whose hidden states say which token comes next.
protocol CausalLanguageModel: ModelFamily {
  /// The hidden states of the rows that are wanted, normalized.
  func hidden(_ step: StepBuilder) throws -> Tensor
  /// Logits, (rows, vocabularySize), of such hidden states.
  func logits(_ hidden: Tensor, _ step: StepBuilder) throws -> Tensor
}

/// A model that gives each token a hidden state, knowing all of them.
protocol Encoder: ModelFamily {
  func hidden(_ step: StepBuilder) throws -> Tensor
  /// What judges hidden states; nil where there is no such head.
  var classifier: ClassifierHead? { get }
}

extension Encoder {
  var classifier: ClassifierHead? { nil }
}

/// A language model that continues a target, knowing a source.
protocol EncoderDecoder: CausalLanguageModel {
  /// Reads the source: its hidden states; what the decoder sees of them is in the cache afterward.
  func encode(_ step: StepBuilder) throws -> Tensor
}

enum Families {
  static let all: [any ModelFamily.Type] = [
    Llama.self,
    Gemma3.self,
    GPT2.self,
    Qwen2.self,
    Mixtral.self,
    BERT.self,
    RoBERTa.self,
    DistilBERT.self,
    MPNet.self,
    ModernBERT.self,
    ELECTRA.self,
    ALBERT.self,
    NomicBERT.self,
    JinaBERT.self,
    T5.self,
    BART.self,
    MBART.self,
    Pegasus.self,
    Marian.self,
    M2M100.self,
    Whisper.self,
    Qwen3.self,
    Gemma.self,
    Gemma2.self,
    Phi3.self,
    Phi2.self,
    SmolLM3.self,
    OLMo2.self,
    Granite.self,
    GPTNeoX.self,
    StableLM.self,
    StarCoder2.self,
    CommandR.self,
    GPTJ.self,
    OPT.self,
    Falcon.self,
    BLOOM.self,
    MPT.self,
    InternLM2.self,
    EXAONE.self,
    EXAONE4.self,
    GLM4.self,
    Nemotron.self,
    Baichuan.self,
    Qwen3MoE.self,
    Qwen2MoE.self,
    OLMoE.self,
    GraniteMoE.self,
    DeepSeek.self,
    Ministral3.self,
    GptOss.self,
  ]

  static func family(of c: Hyperparameters) throws -> any ModelFamily.Type {
    func names(_ family: any ModelFamily.Type) -> [String] { c.isGGUF ? family.ggufNames : family.huggingFaceNames }
    let found = all.first { names($0).contains(c.architecture) && $0.claims(c) }
    guard let found else {
      let nearest = nearest(c.architecture, among: all.map(names))
      throw ModelError(
        .unsupportedArchitecture,
        "\(c.checkpoint.path): the architecture \(FileError.quoted(c.architecture)) is not supported"
          + (nearest.isEmpty ? "" : "; the most like it are \(nearest.joined(separator: ", "))")
          + ": get a model of one of the \(all.count) families that 'tessera families' lists")
    }
    return found
  }
}

extension ModelFamily {
  static func ggufName(of huggingFaceName: String) -> String? { ggufNames.first }
  static func claims(_ c: Hyperparameters) -> Bool { true }
}
