/// Measured choices of kernels' compile-time parameters, for one device and style, by class of work.
///
/// A class is a kernel and what sets its work apart, such as `matmul/many/4-bit-k`. A choice changes speed only: every
/// allowed value gives the same bits.
package struct Tuning: Sendable, Equatable, Codable {
  /// Values by parameter, by class. Only allowed ones get in.
  package private(set) var choices: [String: [String: Int]] = [:]

  /// No choices: everything by default.
  package init() {}

  /// The values that a class's parameters may have in a style, by the macro's name; nil for no such kernel.
  package static func space(of className: String, style: KernelStyle) -> [String: [Int]]? {
    let parts = className.split(separator: "/", omittingEmptySubsequences: false)
    switch parts.first {
    case "matmul":
      if style == .simt {
        // Of more than one token all products that are no wide tiles are of few.
        let isMany = className.hasPrefix("matmul/\(TokenClass.many.rawValue)/")
        return isMany ? nil : ["LOCAL": [64, 128, 256, 512], "SHARE": [1, 2, 4], "AHEAD": [1, 2, 4, 8]]
      }
      return [
        "TILE_M": Array(TilePlan.tokenTiles.dropFirst()), "TILE_N": [1, 2, 4], "TILES": [1, 2, 4, 8, 16],
        "PREFETCH_WORDS": [128, 256, 512, 1024, 2048],
      ]
    case "wide":
      return style == .simt ? ["TILE_M": [32, 64, 128], "TILE_ROWS": [64, 128], "ITEM_TOKENS": [4, 8]] : nil
    case "step":
      guard style == .vector else { return nil }
      return ["TILE_M": Array(TilePlan.tokenTiles.dropFirst()), "TILES": [1, 2, 4, 8, 16]]
    case "attention":
      if style == .vector { return ["ROWS": TilePlan.tokenTiles] }
      return parts.dropFirst().first == "one"
        ? ["ROWS": [1, 2, 4, 8, 16], "LOCAL": [64, 128, 256]] : ["ROWS": [8, 16, 32, 64], "LOCAL": [128, 256, 512]]
    case "dense": return ["CLBLAST": [0, 1]]
    default: return nil
    }
  }

  /// The chosen value of a parameter; nil where none was chosen.
  package subscript(className: String, parameter: String) -> Int? { choices[className]?[parameter] }

  /// Takes a class's values, in the place of earlier ones.
  ///
  /// - Returns: whether all are allowed; otherwise nothing is taken.
  @discardableResult
  package mutating func choose(_ values: [String: Int], for className: String, style: KernelStyle) -> Bool {
    guard className.utf8.count <= 64, let space = Self.space(of: className, style: style),
      values.allSatisfy({ space[$0]?.contains($1) == true })
    else { return false }
    choices[className] = values
    return true
  }

  /// Without the choices of a parameter that are over a limit.
  func limited(_ parameter: String, to limit: Int) -> Tuning {
    var result = self
    for (name, values) in choices where (values[parameter] ?? 0) > limit { result.choices[name]?[parameter] = nil }
    return result
  }

  /// How many tokens a product has at once.
  package enum TokenClass: String, Sendable, CaseIterable {
    case one, few, many

    package init(_ tokens: Int) { self = tokens <= 1 ? .one : tokens <= 8 ? .few : .many }
  }

  /// The class of a quantized product on its own, where steps are launched command by command.
  ///
  /// - Parameter weights: what weight formats have in common that unpack alike, e.g. `4-bit-k`.
  package static func matmul(_ tokens: TokenClass, _ weights: String) -> String {
    "matmul/\(tokens.rawValue)/\(weights)"
  }

  /// The class of a product of many tokens in the simt style.
  package static func wide(_ weights: String) -> String { "wide/\(weights)" }

  /// The class of a quantized product in a step that runs in one launch.
  ///
  /// - Parameter weights: the class of its weights' format.
  package static func step(_ tokens: TokenClass, _ weights: String) -> String { "step/\(tokens.rawValue)/\(weights)" }

  /// The class of attention over heads of about `headDim` elements: of one query a tile, or of many.
  package static func attention(isOne: Bool, headDim: Int) -> String {
    let size = [64, 128, 256].first { headDim <= $0 } ?? 576
    return "attention/\(isOne ? "one" : "many")/\(size)"
  }

  /// The class of a product of dense float32 matrices.
  package static func dense(_ tokens: TokenClass) -> String { "dense/\(tokens.rawValue)" }
}
