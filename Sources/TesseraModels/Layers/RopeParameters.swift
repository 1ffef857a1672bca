import Foundation
import TesseraFiles
import TesseraJSON
import TesseraOperators

/// The rotary embedding's base and scaling, in the several places where files have them.
enum RopeParameters {
  /// The base inside `rope_parameters`, where newer configurations have it, for layers of one type or for all.
  static func theta(_ c: Hyperparameters, _ layerType: String) throws -> Double? {
    guard let fields = try fields(c) else { return nil }
    if let own = try fields.optionalFields(layerType) { return try own.optionalDouble("rope_theta") }
    return layerType == "full_attention" ? try fields.optionalDouble("rope_theta") : nil
  }

  /// The share of a head that turns, where `rope_parameters` has it.
  static func share(_ c: Hyperparameters) throws -> Double? {
    guard let fields = try fields(c) else { return nil }
    return try (fields.optionalFields("full_attention") ?? fields).optionalDouble("partial_rotary_factor")
  }

  /// Tensors of GGUF files that are read here, on the host.
  static let tensorNames = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"]

  private static func fields(_ c: Hyperparameters) throws -> JSONFields? {
    guard case .huggingFace(let config) = c.source else { return nil }
    return try config.optionalFields("rope_parameters") ?? config.optionalFields("rope_scaling")
  }

  /// The scaling that the file asks for.
  ///
  /// A factor without a type is linear scaling. Dynamic scaling begins behind the longest context that a model was
  /// trained for, and none is longer here.
  ///
  /// - Parameters:
  ///   - isPart: a part of each head may turn, as `partial_rotary_factor` says.
  ///   - others: members of the rotary parameters that the family reads besides.
  ///   - truncatesInGGUF: what YaRN does in GGUF files, which do not say.
  static func scaling(
    _ c: Hyperparameters, contextLength: Int, isPart: Bool = false, others: Set<String> = [],
    truncatesInGGUF: Bool = true
  ) throws -> RotaryTable.Scaling {
    switch c.source {
    case .gguf: try ggufScaling(c, contextLength: contextLength, truncates: truncatesInGGUF)
    case .huggingFace: try configScaling(c, contextLength: contextLength, isPart: isPart, others: others)
    }
  }

  /// DeepSeek's form of YaRN's magnitude: scores have a factor, and rotations one less (DeepSeek-V2, 2024).
  ///
  /// - Parameter others: members of the rotary parameters that the family reads besides.
  static func scaledYarn(_ c: Hyperparameters, contextLength: Int, others: Set<String> = []) throws
    -> (RotaryTable.Scaling, scoreScale: Double)
  {
    let scaling = try scaling(c, contextLength: contextLength, others: others.union(["mscale", "mscale_all_dim"]))
    // llama.cpp's files have a tenth of the factor, and no other for rotations.
    let tenth = try c.optionalPositive(nil, gguf: "rope.scaling.yarn_log_multiplier")
    guard case .yarn(let factor, let fast, let slow, let own, let original, let truncates) = scaling else {
      return (scaling, 1)
    }
    func magnitude(_ share: Double) -> Double { factor > 1 ? 0.1 * share * log(factor) + 1 : 1 }
    let fields = try fields(c)
    let ofScores = try fields?.optionalDouble("mscale_all_dim") ?? tenth.map { $0 * 10 } ?? 0
    let ofRotations = try fields?.optionalDouble("mscale") ?? ofScores
    guard ofScores > 0 else { return (scaling, 1) }
    if ofRotations != ofScores { c.record?.addInexpressible("two values of YaRN's mscale, and heads of", 0) }
    let quotient = ofRotations > 0 ? magnitude(ofRotations) / magnitude(ofScores) : nil
    return (
      .yarn(
        factor: factor, betaFast: fast, betaSlow: slow, attentionFactor: c.isGGUF ? 1 : own ?? quotient,
        originalContext: original, truncates: truncates), magnitude(ofScores) * magnitude(ofScores)
    )
  }

  /// Ministral 3's form: rotations have the quotient of two magnitudes, scores none, and queries far behind a temperature.
  static func temperedYarn(_ c: Hyperparameters, contextLength: Int) throws
    -> (table: RotaryTable.Scaling, temperature: Double)
  {
    let (beta, key) = ("llama_4_scaling_beta", "attention.temperature_scale")
    let (scaling, _) = try scaledYarn(c, contextLength: contextLength, others: [beta, "max_position_embeddings"])
    let fields = try fields(c)
    let temperature = try fields?.optionalDouble(beta) ?? c.optionalDouble(nil, gguf: key) ?? 0
    if temperature != 0 {
      guard case .yarn = scaling else {
        throw c.inconsistent("\"\(c.isGGUF ? key : beta)\" without the rotary scaling \"yarn\"")
      }
    }
    if let share = try fields?.optionalDouble("mscale_all_dim"), share > 0 {
      // llama.cpp makes the quotient of it.
      c.record?.set("rope.scaling.yarn_log_multiplier", share)
      c.record?.set(key, temperature)
    }
    return (scaling, temperature)
  }

  /// YaRN's magnitude where none is named. llama.cpp multiplies it by `attn_factor`, config.json's `attention_factor`
  /// takes its place.
  static func yarnMagnitude(_ factor: Double) -> Double { factor > 1 ? 0.1 * log(factor) + 1 : 1 }

  private static func ggufScaling(_ c: Hyperparameters, contextLength: Int, truncates: Bool) throws
    -> RotaryTable.Scaling
  {
    let factor =
      try c.optionalDouble(nil, gguf: "rope.scaling.factor") ?? c.optionalDouble(nil, gguf: "rope.scale_linear")
    let type = try c.optionalString(nil, gguf: "rope.scaling.type") ?? (factor == nil ? "none" : "linear")
    let yarn = RotaryTable.Scaling.yarn(
      factor: factor ?? 1, betaFast: try c.optionalDouble(nil, gguf: "rope.scaling.yarn_beta_fast") ?? 32,
      betaSlow: try c.optionalDouble(nil, gguf: "rope.scaling.yarn_beta_slow") ?? 1,
      attentionFactor: try c.optionalDouble(nil, gguf: "rope.scaling.attn_factor").map {
        $0 * yarnMagnitude(factor ?? 1)
      },
      originalContext: try originalContext(c, contextLength), truncates: truncates)
    if let tensor = c.checkpoint.tensor(named: "rope_freqs.weight"), c.checkpoint.hasData {
      guard type == "none" else { throw unsupported(c, "\(type), and frequencies of its own") }
      return .divisors(try FloatTensor.values(tensor, in: c.checkpoint))
    }
    if let long = c.checkpoint.tensor(named: "rope_factors_long.weight"), c.checkpoint.hasData {
      guard type == "none" || type == "longrope" else { throw unsupported(c, "\(type), and factors of its own") }
      let short = try c.checkpoint.requiredTensor(named: "rope_factors_short.weight")
      return .longRope(
        short: try FloatTensor.values(short, in: c.checkpoint).map { Double($0) },
        long: try FloatTensor.values(long, in: c.checkpoint).map { Double($0) },
        magnitude: try c.optionalPositive(nil, gguf: "rope.scaling.attn_factor") ?? 1,
        originalContext: try originalContext(c, contextLength))
    }
    switch type {
    case "none": return .none
    case "linear": return .linear(factor: factor ?? 1)
    case "yarn": return yarn
    // The factors are tensors, which a description does not have.
    case "longrope" where !c.checkpoint.hasData: return .none
    default: throw unsupported(c, type)
    }
  }

  private static func originalContext(_ c: Hyperparameters, _ contextLength: Int) throws -> Int {
    try c.int(nil, gguf: "rope.scaling.original_context_length", in: 1...1 << 30, default: contextLength)
  }

  private static func configScaling(_ c: Hyperparameters, contextLength: Int, isPart: Bool, others: Set<String>) throws
    -> RotaryTable.Scaling
  {
    guard let all = try fields(c) else { return .none }
    let layerTypes = try layerTypes.compactMap { try all.optionalFields($0) }
    for fields in [all] + layerTypes { try check(fields, c, isPart: isPart, others: others) }
    if let type = try all.optionalFields("sliding_attention")?.optionalString("rope_type"), type != "default" {
      throw unsupported(c, "\(type) of sliding_attention")
    }
    let fields = try all.optionalFields("full_attention") ?? all
    let factor = try fields.optionalDouble("factor")
    let type =
      try fields.optionalString("rope_type") ?? fields.optionalString("type") ?? (factor == nil ? "default" : "linear")
    let original =
      try fields.optionalInt("original_max_position_embeddings")
      ?? c.optionalInt("original_max_position_embeddings", gguf: nil, in: 1...1 << 30) ?? contextLength
    guard (1...1 << 30).contains(original) else {
      throw c.inconsistent("original_max_position_embeddings is \(original), 1 to \(1 << 30) are possible")
    }
    switch type {
    case "default", "dynamic": return .none
    case "longrope", "su":
      let factor = factor ?? Double(contextLength) / Double(original)
      let magnitude = factor > 1 && original > 1 ? (1 + log(factor) / log(Double(original))).squareRoot() : 1
      return .longRope(
        short: try factors("short_factor", fields, c), long: try factors("long_factor", fields, c),
        magnitude: try fields.optionalDouble("attention_factor") ?? magnitude, originalContext: original)
    case "linear": return .linear(factor: factor ?? 1)
    case "llama3":
      return .llama3(
        factor: factor ?? 1, lowFrequencyFactor: try fields.double("low_freq_factor"),
        highFrequencyFactor: try fields.double("high_freq_factor"), originalContext: original)
    case "yarn":
      return .yarn(
        factor: factor ?? 1, betaFast: try fields.optionalDouble("beta_fast") ?? 32,
        betaSlow: try fields.optionalDouble("beta_slow") ?? 1,
        attentionFactor: try fields.optionalDouble("attention_factor"), originalContext: original,
        truncates: try fields.optionalBool("truncate") ?? true)
    default: throw unsupported(c, type)
    }
  }

  private static func factors(_ name: String, _ fields: JSONFields, _ c: Hyperparameters) throws -> [Double] {
    let values = fields.object[name]?.arrayValue?.compactMap(\.doubleValue) ?? []
    guard !values.isEmpty else { throw c.inconsistent("the rotary parameter \(name) is no list of numbers") }
    return values
  }

  private static let layerTypes = ["full_attention", "sliding_attention"]
  /// Members that are read, and such as say nothing of the embedding.
  private static let known: Set = [
    "rope_theta", "rope_type", "type", "factor", "original_max_position_embeddings", "low_freq_factor",
    "high_freq_factor", "beta_fast", "beta_slow", "attention_factor", "finetuned", "short_factor", "long_factor",
    "truncate",
  ]
  /// Values that other switches must have.
  private static let required: [String: JSONValue] = ["partial_rotary_factor": .double(1)]

  /// Throws where the file asks for something else: it would turn heads otherwise.
  private static func check(_ fields: JSONFields, _ c: Hyperparameters, isPart: Bool, others: Set<String>) throws {
    for (key, value) in fields.object.members where !value.isNull && !known.contains(key) && !layerTypes.contains(key) {
      if isPart, key == "partial_rotary_factor" { continue }
      if others.contains(key) { continue }
      if let wanted = required[key], value == wanted || value.doubleValue.map({ $0 == wanted.doubleValue }) ?? false {
        continue
      }
      throw ModelError(
        .unsupportedFeature,
        "\(c.checkpoint.path): config.json's rotary parameter \"\(key)\" is not supported: use another model")
    }
  }

  private static func unsupported(_ c: Hyperparameters, _ type: String) -> ModelError {
    ModelError(
      .unsupportedFeature,
      "\(c.checkpoint.path): rotary scaling \"\(type)\": none, linear, dynamic, yarn, longrope and "
        + "Llama 3's are supported"
    )
  }
}
