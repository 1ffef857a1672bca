public struct TokenizerDefinition: Sendable { public init() {} }
public struct Tokenizer: Sendable {
  public init(_ d: TokenizerDefinition) throws {}
  public var vocabularyCount: Int { 0 }
  public func encode(_ text: String, addSpecial: Bool = true, parseSpecial: Bool = true) throws -> [Int] { [] }
  public func encode(_ text: [UInt8], addSpecial: Bool = true, parseSpecial: Bool = true) throws -> [Int] { [] }
  public func decode(_ ids: [Int]) throws -> String { "" }
  public func piece(_ id: Int) throws -> [UInt8] { [] }
  public var endOfGenerationTokens: Set<Int> { [] }
  public var beginToken: Int? { nil }
  public var endToken: Int? { nil }
  public var addsBeginToken: Bool { false }
}
public struct StreamingDetokenizer: Sendable {
  public init(_ t: Tokenizer) {}
  public mutating func append(_ id: Int) throws -> String { "" }
  public mutating func finish() -> String { "" }
}
public struct StopStringMatcher: Sendable {
  public init(_ s: [String]) {}
  public mutating func append(_ t: String) -> (text: String, isStopped: Bool) { (t, false) }
  public mutating func finish() -> String { "" }
}
