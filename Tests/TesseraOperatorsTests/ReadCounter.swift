import Foundation
import TesseraCL

@testable import TesseraOperators

/// Runs dispatches in oclgrind, and tells every byte that a kernel reads of some of its views.
///
/// Those views are moved far behind their buffers' ends. There oclgrind reports each read, with its place and its size, and reads
/// zeros; so a view's reads are told from all others, by work-item and not by line of a cache, whatever the kernel looks like.
final class ReadCounter: CommandSink {
  /// The log that oclgrind writes, if the tests run to count: `scripts/test BytesRead`.
  static let log: String? = {
    let environment = ProcessInfo.processInfo.environment
    return environment["TESSERA_COUNT_READS"] == nil ? nil : environment["OCLGRIND_LOG"]
  }()

  /// A dispatch, and what it read.
  struct Launch {
    var dispatch: Dispatch
    /// By view: how often each byte was read, and the reads.
    var reads: [Int: (counts: [Int], loads: Int)]

    /// The value of a constant that the kernel was compiled with.
    func define(_ name: String) -> Int? { dispatch.variant.defines.first { $0.name == name }?.value }
  }

  private(set) var launches: [Launch] = []
  private let queue: Queue
  private let views: [String: [Int]]

  /// - Parameter views: numbers of the views that are watched, by the kernels' names.
  init(_ queue: Queue, watching views: [String: [Int]]) { (self.queue, self.views) = (queue, views) }

  func dispatch(_ dispatch: Dispatch, _ library: KernelLibrary) throws {
    let watched = views[dispatch.variant.function] ?? []
    var moved = dispatch
    var (sizes, offsets): ([Int: Int], [Int: Int]) = ([:], [:])
    for number in watched {
      guard let view = dispatch.views[number], case .buffer(let buffer) = view.memory else { continue }
      moved.views[number] = view.advanced(byBytes: Self.distance * (number + 1))
      (sizes[number], offsets[number]) = (buffer.byteCount - view.byteOffset, view.byteOffset)
    }
    let start = try Self.logSize()
    try queue.dispatch(moved, library)
    try queue.finish()
    var reads = sizes.mapValues { (counts: [Int](repeating: 0, count: $0), loads: 0) }
    for read in try Self.reads(from: start) {
      let number = read.place / Self.distance - 1
      let begin = read.place % Self.distance - (offsets[number] ?? 0)
      guard let size = sizes[number], begin >= 0, begin + read.size <= size else {
        throw StrayRead(report: read.report, variant: dispatch.variant, localSize: dispatch.localSize)
      }
      for byte in begin..<begin + read.size { reads[number]?.counts[byte] += 1 }
      reads[number]?.loads += 1
    }
    launches.append(Launch(dispatch: dispatch, reads: reads))
  }

  /// A read outside its memory that nobody asked for.
  struct StrayRead: Error {
    var report: String
    var variant: KernelVariant
    var localSize: Int
  }

  /// Of an address oclgrind takes 16 bits for the buffer's number, and 48 for the place in it.
  private static let distance = 1 << 40

  private static func logSize() throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: log ?? "")
    return (attributes[.size] as? Int) ?? 0
  }

  /// What was reported since the log had `start` bytes, each a line
  ///
  ///     Invalid read of size 16 at global memory address 0x2010000001320
  private static func reads(from start: Int) throws -> [(place: Int, size: Int, report: String)] {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: log ?? ""))
    defer { try? file.close() }
    try file.seek(toOffset: UInt64(start))
    let prefix = Array("Invalid read of size ".utf8)
    var found: [(place: Int, size: Int, report: String)] = []
    for line in try (file.readToEnd() ?? Data()).split(separator: UInt8(ascii: "\n")) where line.starts(with: prefix) {
      let report = String(decoding: line, as: UTF8.self)
      let words = report.split(separator: " ")
      guard let size = Int(words[4]), let address = words.last.flatMap({ UInt64($0.dropFirst(2), radix: 16) }) else {
        continue
      }
      // Of local memory none is asked for.
      found.append((words.contains("global") ? Int(address & (1 << 48 - 1)) : 0, size, report))
    }
    return found
  }
}
