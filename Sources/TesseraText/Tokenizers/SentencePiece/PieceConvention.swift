import TesseraJSON

/// How a tokenizer class of transformers goes on from SentencePiece's pieces: which ids they have, which tokens there
/// are beside them, and what stands around a text.
enum PieceConvention: String, Sendable, CaseIterable {
  case marian = "MarianTokenizer"
  case m2m100 = "M2M100Tokenizer"
  case nllb = "NllbTokenizer"
  case mbart = "MBartTokenizer"
  case mbart50 = "MBart50Tokenizer"
  case xlmRoberta = "XLMRobertaTokenizer"
  case pegasus = "PegasusTokenizer"
  case t5 = "T5Tokenizer"
  case llama = "LlamaTokenizer"
  case gemma = "GemmaTokenizer"

  /// The class of a name in `tokenizer_config.json`.
  init?(named name: String) {
    let plain = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    self.init(rawValue: plain == "MT5Tokenizer" ? "T5Tokenizer" : plain)
  }

  /// The class that transformers takes for a model whose files name none.
  init?(modelType: String) {
    switch modelType {
    case "marian": self = .marian
    case "m2m_100": self = .m2m100
    case "nllb-moe": self = .nllb
    case "mbart": self = .mbart
    case "xlm-roberta", "xlm-roberta-xl": self = .xlmRoberta
    case "pegasus", "pegasus_x", "bigbird_pegasus": self = .pegasus
    case "t5", "mt5", "umt5", "switch_transformers", "longt5": self = .t5
    case "llama", "mistral", "mixtral", "phi3": self = .llama
    case "gemma", "gemma2", "gemma3", "gemma3_text": self = .gemma
    default: return nil
    }
  }

  /// Names of special tokens by their keys, where the files are silent; in the order in which transformers adds them.
  var defaultNames: [(key: String, text: String)] {
    switch self {
    case .marian: [("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")]
    case .t5: [("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")]
    case .pegasus:
      [("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>"), ("mask_token", "<mask_2>")]
    case .llama: [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]
    case .gemma:
      [("bos_token", "<bos>"), ("eos_token", "<eos>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")]
    case .m2m100:
      [
        ("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"), ("sep_token", "</s>"),
        ("pad_token", "<pad>"),
      ]
    case .mbart50:
      [
        ("eos_token", "</s>"), ("unk_token", "<unk>"), ("sep_token", "</s>"), ("pad_token", "<pad>"),
        ("cls_token", "<s>"), ("mask_token", "<mask>"),
      ]
    case .mbart, .nllb, .xlmRoberta:
      [
        ("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"), ("sep_token", "</s>"),
        ("pad_token", "<pad>"), ("cls_token", "<s>"), ("mask_token", "<mask>"),
      ]
    }
  }

  /// Whether pieces are looked up in `vocab.json` by their texts.
  var hasVocabularyFile: Bool { self == .marian || self == .m2m100 }

  /// Whether `<mask>` takes the whitespace before it where the files do not say.
  var stripsBeforeMask: Bool { [.mbart, .mbart50, .xlmRoberta, .nllb].contains(self) }

  /// Whether pieces are put together by SentencePiece itself, which knows bytes and leaves its control pieces out.
  var decodesBySentencePiece: Bool { ![.mbart, .mbart50, .xlmRoberta, .nllb].contains(self) }

  /// Whether whitespace is taken off both ends of decoded text.
  var trims: Bool { self != .llama && self != .gemma }
}
