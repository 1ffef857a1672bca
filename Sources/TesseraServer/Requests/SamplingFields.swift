import Tessera
import TesseraJSON

extension RequestFields {
  /// How tokens are chosen, and when an answer ends, by the fields that completions and chats have in common.
  ///
  /// What a request leaves out is as OpenAI has it: temperature 1, and all tokens considered.
  func generationOptions(_ limits: ServerOptions.Limits, _ language: LanguageModel) throws(APIError)
    -> GenerationOptions
  {
    try refuseOthers()
    var options = GenerationOptions()
    options.temperature = Float(try number("temperature", in: 0...100) ?? 1)
    options.topP = Float(try number("top_p", in: 0...1) ?? 1)
    options.topK = max(0, try int("top_k", in: -1...Int(Int32.max)) ?? 0)
    options.minP = Float(try number("min_p", in: 0...1) ?? 0)
    options.presencePenalty = Float(try number("presence_penalty", in: -100...100) ?? 0)
    options.frequencyPenalty = Float(try number("frequency_penalty", in: -100...100) ?? 0)
    let penalty = try number("repetition_penalty", in: 0.01...100)
    let otherPenalty = try number("repeat_penalty", in: 0.01...100)
    options.repeatPenalty = Float(penalty ?? otherPenalty ?? 1)
    options.seed = try int("seed", in: .min ... .max).map { UInt64(bitPattern: Int64($0)) }
    options.stopStrings = try stopStrings(limits)
    options.logitBias = try logitBias(language.profile.vocabularySize)
    if try bool("ignore_eos") ?? false {
      for token in (try? language.tokenizer.endOfGenerationTokens) ?? [] { options.logitBias[token] = -.infinity }
    }
    options.priority = try int("priority", in: -1_000_000...1_000_000) ?? 0
    options.cacheSalt = try cacheSalt()
    return options
  }

  /// What other servers know, and what it is where it does nothing.
  private static let others: [(key: String, value: JSONValue)] = [
    ("use_beam_search", false), ("min_tokens", 0), ("typical_p", 1), ("mirostat", 0), ("dry_multiplier", 0),
    ("xtc_probability", 0), ("dynatemp_range", 0), ("prompt_logprobs", .null), ("truncate_prompt_tokens", .null),
    ("stop_token_ids", []), ("allowed_token_ids", .null), ("bad_words", []), ("include_stop_str_in_output", false),
    ("n_predict", -1), ("continue_final_message", false),
  ]

  private func refuseOthers() throws(APIError) {
    for (key, nothing) in Self.others {
      guard let value = value(key), value != nothing,
        value.doubleValue == nil || value.doubleValue != nothing.doubleValue
      else { continue }
      throw .unsupported(path(key), "leave it out.")
    }
  }

  private func cacheSalt() throws(APIError) -> String? {
    guard let salt = try string("cache_salt") else { return nil }
    guard !salt.isEmpty, salt.utf8.count <= 1024 else {
      throw outOfRange("cache_salt", "\(salt.utf8.count) bytes long", "of 1 to 1024 bytes")
    }
    return salt
  }

  private func stopStrings(_ limits: ServerOptions.Limits) throws(APIError) -> [String] {
    let stops = try strings("stop") ?? []
    guard stops.count <= limits.stopStrings else {
      throw outOfRange("stop", "\(stops.count) strings", "at most \(limits.stopStrings)")
    }
    for stop in stops where stop.isEmpty || stop.utf8.count > limits.stopBytes {
      throw outOfRange("stop", "a string of \(stop.utf8.count) bytes", "of 1 to \(limits.stopBytes) bytes each")
    }
    return stops
  }

  /// Token ids, as keys of an object (OpenAI) or in pairs with their biases (llama-server).
  private func logitBias(_ vocabularySize: Int) throws(APIError) -> [Int: Float] {
    guard let value = value("logit_bias") else { return [:] }
    var pairs: [(id: Int?, bias: JSONValue)] = []
    switch value {
    case .object(let object): pairs = object.members.map { (Int($0.key), $0.value) }
    case .array(let list):
      for (index, pair) in list.enumerated() {
        guard let pair = pair.arrayValue, pair.count == 2 else {
          throw wrongType("logit_bias[\(index)]", "a token id and its bias", pair)
        }
        pairs.append((pair[0].intValue, pair[1]))
      }
    default: throw wrongType("logit_bias", "an object of token ids and biases", value)
    }
    guard pairs.count <= GenerationOptions.logitBiasLimit else {
      throw outOfRange("logit_bias", "of \(pairs.count) tokens", "of at most \(GenerationOptions.logitBiasLimit)")
    }
    var biases: [Int: Float] = [:]
    for (id, bias) in pairs {
      guard let id, (0..<vocabularySize).contains(id) else {
        throw outOfRange("logit_bias", "of something else", "of token ids from 0 to \(vocabularySize - 1)")
      }
      // False is llama-server's word for never.
      let number = bias.boolValue == false ? -Double.infinity : bias.doubleValue
      guard let number, number == -.infinity || (-100...100).contains(number) else {
        throw outOfRange("logit_bias", "\(bias.text()) for token \(id)", "a number from -100 to 100")
      }
      // As OpenAI says it: -100 is a ban.
      biases[id] = number == -100 ? -.infinity : Float(number)
    }
    return biases
  }

  /// How many answers.
  func choices(_ limits: ServerOptions.Limits) throws(APIError) -> Int {
    try int("n", in: 1...limits.choices) ?? 1
  }

  /// Whether the answer comes in parts, and whether the last of them says what it cost.
  func streaming() throws(APIError) -> (isStreamed: Bool, includesUsage: Bool) {
    let isStreamed = try bool("stream") ?? false
    guard let options = try fields("stream_options") else { return (isStreamed, false) }
    guard isStreamed else { throw .invalid("stream_options", "'stream_options' goes with 'stream' alone.") }
    return (true, try options.bool("include_usage") ?? false)
  }
}
