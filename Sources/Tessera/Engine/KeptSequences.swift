import Foundation
import TesseraMemory

/// The sequences that conversations keep for their next turn, until somebody needs the blocks.
struct KeptSequences {
  private struct Kept {
    var sequence: KVSequence
    var tokens: [Int]
    var lastUse: UInt64
  }

  private var all: [UUID: Kept] = [:]
  private var clock: UInt64 = 0

  var sequences: [KVSequence] { all.values.map(\.sequence) }

  mutating func keep(_ keeper: UUID, _ sequence: KVSequence, tokens: [Int]) {
    clock += 1
    all.removeValue(forKey: keeper)?.sequence.close()
    all[keeper] = Kept(sequence: sequence, tokens: tokens, lastUse: clock)
  }

  /// A keeper's sequence, cut back to what it shares with a prompt; at least one token is left to compute.
  ///
  /// - Parameter adapter: with another, nothing is shared.
  mutating func take(_ keeper: UUID, sharing prompt: [Int], adapter: Int?) -> KVSequence? {
    guard let kept = all.removeValue(forKey: keeper) else { return nil }
    guard kept.sequence.adapter == adapter else {
      kept.sequence.close()
      return nil
    }
    let shared = zip(kept.tokens, prompt).prefix { $0 == $1 }.count
    do {
      try kept.sequence.truncate(to: min(shared, prompt.count - 1, kept.sequence.tokenCount))
    } catch {
      // Keys behind a window are gone: all is computed anew.
      try? kept.sequence.truncate(to: 0)
    }
    return kept.sequence
  }

  mutating func remove(_ keeper: UUID) { all.removeValue(forKey: keeper)?.sequence.close() }

  /// Closes the sequence that was used the longest ago; false where there is none.
  mutating func releaseOldest() -> Bool {
    guard let oldest = all.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else { return false }
    remove(oldest)
    return true
  }
}
