import Foundation
import Tessera

/// A file with answers that tell what reproduces them: of `tessera generate`, or what `tessera serve` answered, whole or in
/// events.
struct ReplayFile {
  struct Entry {
    /// The answer's number among several.
    var choice: Int?
    var reproduction: Reproduction
  }

  /// At least one, all of one model that ran in one way.
  let entries: [Entry]

  /// - Throws: `InputError` for what is no such file.
  init(_ path: String) throws {
    let bytes = try InputText.read(path, limit: 256 << 20)
    do {
      // Of a stream's answers the shortest ends first.
      entries = try Self.documents(bytes).flatMap { try JSONDecoder().decode(Document.self, from: $0).entries }
        .sorted { $0.choice ?? 0 < $1.choice ?? 0 }
    } catch let error as DecodingError {
      throw InputError(message: "\(path.shownPath): this is no document that can be replayed: \(error.place)")
    }
    guard let first = entries.first?.reproduction else {
      throw InputError(
        message:
          "\(path.shownPath): it does not tell what reproduces its answer: make it with --json --reproduce, or ask "
          + "the server with \"reproduce\": true")
    }
    guard entries.allSatisfy({ $0.reproduction.isOfSameModel(as: first) }) else {
      throw InputError(message: "\(path.shownPath): its answers are not all of one model that ran in one way")
    }
  }

  /// One document, or those of a stream's events.
  private static func documents(_ bytes: [UInt8]) -> [Data] {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    let events = lines.filter { $0.starts(with: "data: {".utf8) }
    guard !events.isEmpty, lines.first?.first != UInt8(ascii: "{") else { return [Data(bytes)] }
    return events.map { Data($0.dropFirst("data: ".utf8.count)) }
  }

  private struct Document: Decodable {
    struct Choice: Decodable {
      let index: Int?
      let reproduce: Reproduction?
    }
    /// What a stream's last event holds.
    struct Response: Decodable { let reproduce: Reproduction? }

    let reproduce: Reproduction?
    let choices: [Choice]?
    let response: Response?

    var entries: [Entry] {
      let whole = (reproduce ?? response?.reproduce).map { [Entry(choice: nil, reproduction: $0)] } ?? []
      return whole
        + (choices ?? []).compactMap { choice in choice.reproduce.map { Entry(choice: choice.index, reproduction: $0) }
        }
    }
  }
}

extension Reproduction {
  fileprivate func isOfSameModel(as other: Reproduction) -> Bool {
    modelDigest == other.modelDigest && precision == other.precision && cacheEncoding == other.cacheEncoding
      && weightType == other.weightType && contextLength == other.contextLength
  }
}

extension DecodingError {
  /// Where in the document the fault is, and what it is.
  fileprivate var place: String {
    let context =
      switch self {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
        .dataCorrupted(let context):
        context
      @unknown default: nil as Context?
      }
    guard let context else { return "\(self)" }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return (path.isEmpty ? "" : "\(path): ") + context.debugDescription
  }
}
