/// The documents of a Hugging Face folder that Tessera reads, by their names. All but `config` may be absent.
package enum HuggingFaceDocument: String, Sendable, CaseIterable {
  /// The architecture and its sizes.
  case config = "config.json"
  /// Defaults for generation: ids that end a text, temperature.
  case generationConfig = "generation_config.json"
  /// The tokenizer, whole.
  case tokenizer = "tokenizer.json"
  /// SentencePiece's model of a Marian's source.
  case sourcePieces = "source.spm"
  /// SentencePiece's model of fairseq's translators and of XLM-R.
  case fairseqPieces = "sentencepiece.bpe.model"
  /// SentencePiece's model of T5 and PEGASUS.
  case pieces = "spiece.model"
  /// SentencePiece's model of Llama and Gemma.
  case llamaPieces = "tokenizer.model"
  /// The ids of pieces, where they are not SentencePiece's.
  case vocabulary = "vocab.json"
  /// The ids of tokens beside the pieces.
  case addedTokens = "added_tokens.json"
  /// The file that `transformers` adds to the tokenizer; often with the chat template.
  case tokenizerConfig = "tokenizer_config.json"
  /// The names of special tokens.
  case specialTokensMap = "special_tokens_map.json"
  /// The chat template, where it is a file of its own.
  case chatTemplate = "chat_template.jinja"
  /// The chat template for conversations with tools, where it is another one.
  case toolTemplate = "additional_chat_templates/tool_use.jinja"
  /// The steps of an encoder of `sentence-transformers`.
  case modules = "modules.json"
  /// How an encoder's rows become one, where no list of steps says otherwise.
  case pooling = "1_Pooling/config.json"
  /// Texts that are put before others, by what they are for.
  case sentenceTransformers = "config_sentence_transformers.json"
  /// An encoder's greatest length.
  case sentenceBert = "sentence_bert_config.json"
}
