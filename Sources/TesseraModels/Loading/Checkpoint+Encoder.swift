import TesseraFiles

extension Checkpoint {
  /// Whether the model transcribes speech; false for what is not supported.
  package var hearsSpeech: Bool {
    guard let hyperparameters = try? Hyperparameters(self) else { return false }
    return (try? Families.family(of: hyperparameters)) is Whisper.Type
  }

  /// Whether the model is an encoder, which reads whole texts and keeps nothing of them; false for what is not supported.
  package var isEncoder: Bool {
    guard let hyperparameters = try? Hyperparameters(self) else { return false }
    return (try? Families.family(of: hyperparameters)) is any Encoder.Type
  }
}
