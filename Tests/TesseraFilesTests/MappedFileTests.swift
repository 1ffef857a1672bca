import Foundation
import Testing

@testable import TesseraFiles

@Suite("Mapped files")
struct MappedFileTests {
  @Test("a missing file, a folder, an empty file and a device are refused, each by its own code")
  func notFiles() throws {
    let folder = try TemporaryFolder()
    expectError(.notFound, "check the path") { _ = try MappedFile(path: folder.path + "/absent") }
    expectError(.notFound) { _ = try MappedFile(path: "") }
    expectError(.notFound) { _ = try MappedFile(path: "a\0b") }
    expectError(.isFolder, "folder") { _ = try MappedFile(path: folder.path) }
    expectError(.empty, "empty") { _ = try MappedFile(path: try folder.write([])) }
    expectError(.notRegularFile) { _ = try MappedFile(path: "/dev/zero") }
  }

  @Test("a pipe is refused without waiting for a writer")
  func pipe() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    expectError(.notRegularFile) { _ = try MappedFile(path: path) }
  }

  @Test("ranges outside the file are refused, whatever their numbers")
  func ranges() throws {
    let folder = try TemporaryFolder()
    let file = try MappedFile(path: try folder.write([1, 2, 3, 4]))
    defer { withExtendedLifetime(file) {} }
    #expect(file.byteCount == 4)
    #expect(Array(try file.bytes(at: 1, count: 3)) == [2, 3, 4])
    #expect(try file.bytes(at: 4, count: 0).isEmpty)
    for (offset, count) in [(0, 5), (4, 1), (5, 0), (-1, 1), (0, -1), (Int.max, 1), (1, Int.max), (Int.min, Int.max)] {
      expectError(.outOfRange) { _ = try file.bytes(at: offset, count: count) }
      file.release(offset: offset, count: count)
    }
    #expect(Array(try file.bytes(at: 0, count: 4)) == [1, 2, 3, 4])
  }

  @Test("a file that was cut after it was opened is refused")
  func cutWhileOpen() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(repeating: 7, count: 10_000))
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    #expect(truncate(path, 100) == 0)
    expectError(.truncated, "shorter") { _ = try file.bytes(at: 0, count: 10) }
  }

  @Test("released memory is no longer resident")
  func release() throws {
    let folder = try TemporaryFolder()
    let byteCount = 32 << 20
    let file = try MappedFile(path: try folder.write(Array(repeating: 7, count: byteCount)))
    defer { withExtendedLifetime(file) {} }
    let bytes = try file.bytes(at: 0, count: byteCount)
    #expect(stride(from: 0, to: byteCount, by: 4_096).allSatisfy { bytes[$0] == 7 })
    let before = try residentFileBytes()
    file.release(offset: 0, count: byteCount)
    // Other tests may map files meanwhile, but none of half this size.
    #expect(try before - residentFileBytes() > byteCount / 2)
  }

  private func residentFileBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
    return try #require(Int(line.filter(\.isNumber))) * 1_024
  }
}
