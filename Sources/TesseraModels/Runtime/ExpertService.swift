import TesseraCL
import TesseraOperators

/// Experts that steps have read, of those there were to choose from: one for each layer and step.
public struct ExpertReads: Sendable, Equatable {
  public internal(set) var chosen = 0
  public internal(set) var all = 0

  /// Those behind earlier ones.
  package func since(_ earlier: ExpertReads) -> ExpertReads {
    ExpertReads(chosen: chosen - earlier.chosen, all: all - earlier.all)
  }
}

/// What the host does between a step's routers and its experts: it counts those chosen, and brings them to the device where they
/// stay in host memory.
final class ExpertService {
  private(set) var reads = ExpertReads()
  let residency: ExpertResidency?
  private let queue: Queue

  init(_ residency: ExpertResidency?, queue: Queue) { (self.residency, self.queue) = (residency, queue) }

  func reset() {
    reads = ExpertReads()
    residency?.resetStatistics()
  }

  /// Runs a section, whose list has a place in memory.
  func run(_ section: ExpertSection, _ body: () throws -> Void) throws {
    guard case .buffer(let buffer) = section.list.memory else {
      throw ModelError(.inconsistent, "a list of experts has no place")
    }
    let offset = section.list.byteOffset
    let list = try queue.read(buffer, as: SIMD4<Int32>.self, count: section.listBytes / 16, byteOffset: offset)
    guard let count = list.first.map({ Int($0.x) }), list.indices.contains(count) else {
      throw ModelError(.inconsistent, "a list of experts has no count of its tiles: try `tessera doctor`")
    }
    let tiles = Array(list[1..<1 + count])
    guard tiles.allSatisfy({ (0..<section.expertCount).contains(Int($0.x)) }) else {
      throw ModelError(.inconsistent, "a list of experts names one that is not there: try `tessera doctor`")
    }
    reads.chosen += Set(tiles.map(\.x)).count
    reads.all += section.expertCount
    guard let layer = section.hostLayer, let residency else { return try body() }
    try residency.serve(tiles, ofLayer: layer) { tiles in
      try queue.enqueueWrite([SIMD4(Int32(tiles.count), 0, 0, 0)] + tiles, to: buffer, byteOffset: offset)
      try body()
    }
  }
}
