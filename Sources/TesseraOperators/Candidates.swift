import TesseraCL
import TesseraMemory

/// The likeliest tokens of each row of logits: `Kernels/sampling/candidates.cl`.
public struct Candidates: Sendable {
  /// A token and its logit.
  public struct Candidate: Sendable, Equatable {
    public var id: Int
    public var logit: Float

    public init(id: Int, logit: Float) {
      self.id = id
      self.logit = logit
    }
  }

  /// The most candidates a row can have.
  public static let limit = 256
  /// Work-items that each search a share of the vocabulary.
  private static let shareCount = 64

  /// Bytes of `values`, and of `ids`, for `rows` rows.
  public static func resultBytes(rows: Int, keep: Int) -> Int { rows * shareCount * keep * 4 }

  private let library: KernelLibrary

  public init(_ library: KernelLibrary) { self.library = library }

  /// Divides the positive logits of tokens seen before by `penalty` and multiplies the negative ones
  /// (CTRL, Keskar et al. 2019).
  ///
  /// - Parameter ids: `count` UInt32, each once and under the vocabulary.
  public func penalise(_ logits: Buffer, ids: Buffer, count: Int, penalty: Float, on queue: Queue) throws {
    let kernel = try library.kernel(KernelVariant("sampling/candidates.cl", "penalise"), localSize: 1)
    try queue.enqueue(kernel, over: .covering(count, groupSize: 1), logits, ids, penalty)
  }

  /// Enqueues the search for the `keep` largest logits of each row; `read` collects them.
  ///
  /// - Parameter logits: (rows, vocabulary).
  public func enqueue(
    _ logits: Buffer, values: Buffer, ids: Buffer, rows: Int, vocabulary: Int, keep: Int, on queue: Queue
  ) throws {
    guard (1...Self.limit).contains(keep) else {
      throw OperatorError(.shape, "\(keep) candidates: 1 to \(Self.limit) can be kept")
    }
    let kernel = try library.kernel(KernelVariant("sampling/candidates.cl", "candidates"), localSize: 1)
    try queue.enqueue(
      kernel, over: NDRange(global: [Self.shareCount, rows], local: [1, 1]), logits, values, ids, UInt32(vocabulary),
      UInt32(keep))
  }

  /// Waits for the search and merges the shares: for each row at most `keep` candidates in falling order, the lower id
  /// first among equals. A row without a finite logit has none.
  public func read(values: Buffer, ids: Buffer, rows: Int, keep: Int, from queue: Queue) throws -> [[Candidate]] {
    let count = rows * Self.shareCount * keep
    let values = try queue.read(values, as: Float.self, count: count)
    let ids = try queue.read(ids, as: UInt32.self, count: count)
    return (0..<rows).map { row in
      let share = row * Self.shareCount * keep..<(row + 1) * Self.shareCount * keep
      let found = share.lazy.filter { ids[$0] != .max }.map { Candidate(id: Int(ids[$0]), logit: values[$0]) }
      return Array(found.sorted { $0.logit > $1.logit || ($0.logit == $1.logit && $0.id < $1.id) }.prefix(keep))
    }
  }
}
