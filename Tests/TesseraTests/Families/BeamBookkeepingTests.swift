import Foundation
import Testing

@testable import Tessera

/// The bookkeeping alone.
@Suite("Beams without a model")
struct BeamBookkeepingTests {
  private func search(_ rows: [[[Float]]], _ options: BeamSearchOptions, ends: Set<Int>) throws -> BeamSearch {
    var search = BeamSearch([0], options: options, maxCount: rows.count, ends: ends)
    for step in rows where !search.isOver { _ = try search.advance(search.running.indices.map { step[$0][...] }) }
    return search
  }

  @Test("a worse first token wins where what follows is better; repeated sequences are left out")
  func lookahead() throws {
    var options = BeamSearchOptions()
    (options.width, options.lengthPenalty) = (2, 0)
    func logs(_ shares: [Double]) -> [Float] { shares.map { Float(log($0)) } }
    let rows = [
      [logs([0.1, 0.5, 0.4])], [logs([0.4, 0.3, 0.3]), logs([0.05, 0.9, 0.05])],
    ]
    let best = try #require(search(rows, options, ends: []).finished.first)
    #expect(best.tokens == [2, 1] && abs(best.score - log(0.36)) < 1e-5 && !best.isEnded)
    options.noRepeatNGram = 1
    #expect(try search(rows, options, ends: []).finished.first?.tokens == [2, 1])
    options.minTokens = 1
    let ended = try #require(search(rows, options, ends: [1]).finished.first)
    #expect(ended.tokens == [2] && ended.isEnded)
    // Nothing may follow: what is there is the answer.
    options.minTokens = 2
    let stuck = try #require(search(rows, options, ends: [1]).finished.first)
    #expect(stuck.tokens == [2] && !stuck.isEnded)
    #expect(throws: TesseraError.self) { try search([[[.nan, 0, 0]]], options, ends: []) }
  }
}
