import Foundation
import Tessera
import TesseraJSON

extension GenerationRequest {
  /// What is said of an answer beside it: the seed that it was drawn with, and what reproduces it.
  func notes(ofAnswer number: Int, _ reproduction: JSONValue?) -> [(key: String, value: JSONValue)] {
    var notes: [(key: String, value: JSONValue)] = []
    if let seed = seed(ofAnswer: number) { notes.append(("seed", .int(Int(truncatingIfNeeded: seed)))) }
    if let reproduction { notes.append(("reproduce", reproduction)) }
    return notes
  }

  /// - Throws: 400 where the model's files are not what they were.
  func checkReproduction() async throws {
    do { _ = try await language.digest() } catch { throw Self.refusal(ofDigest: error) }
  }

  static func refusal(ofDigest error: any Error) -> any Error {
    guard (error as? FileError)?.code == .malformed else { return error }
    return APIError.unsupported("reproduce", "the model's files are not those any more that were loaded.")
  }

  /// What reproduces an answer, if that is asked for, as `tessera replay` reads it.
  func reproduction(ofAnswer number: Int, _ answer: Reproduction.Answer) async throws -> JSONValue? {
    guard reproduces else { return nil }
    let prompt = prompt(ofAnswer: number)
    let asked = try Reproduction.Request(
      promptTokens: prompt.tokens, sourceTokens: prompt.source, options: options(ofAnswer: number))
    let reproduction = try await language.reproduction(of: asked, answer: answer)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try JSONValue(parsing: Array(encoder.encode(reproduction)))
  }
}
