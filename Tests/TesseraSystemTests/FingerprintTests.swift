import Foundation
import Testing

@testable import TesseraSystem

@Suite("Fingerprints")
struct FingerprintTests {
  @Test("digests are those that NIST lists for SHA-256")
  func examples() {
    for (text, digits) in [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ] {
      #expect(Fingerprint(Array(text.utf8)).hexadecimal == digits)
      #expect(Fingerprint(text.utf8.reversed().reversed()).bytes.count == 32)
    }
  }

  @Test("pieces give the digest of the whole, and lists of texts with other borders differ")
  func pieces() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    var builder = FingerprintBuilder()
    for start in stride(from: 0, to: 1000, by: 37) {
      bytes[start..<min(start + 37, 1000)].withUnsafeBytes { builder.append($0) }
    }
    #expect(builder.finish() == Fingerprint(bytes))
    let lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""]].map { list in
      var builder = FingerprintBuilder()
      for text in list { builder.append(text) }
      return builder.finish()
    }
    #expect(Set(lists).count == 4)
  }

  @Test("a file's fingerprint is of its contents alone, in pieces of a MiB")
  func files() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let contents = [0, 1, 1 << 20, 1 << 20 | 5, 3 << 20].map { count in
      Data((0..<count).lazy.map { UInt8(truncatingIfNeeded: $0) })
    }
    var found: Set<Fingerprint> = []
    for (index, content) in contents.enumerated() {
      let paths = ["a", "b"].map { folder.appendingPathComponent("\($0)\(index)").path }
      for path in paths { try content.write(to: URL(fileURLWithPath: path)) }
      let digest = try FileDescriptor.openForReading(paths[0]).fingerprint()
      #expect(try FileDescriptor.openForReading(paths[1]).fingerprint() == digest)
      found.insert(digest)
      // Digests of the pieces, behind the length.
      let pieces = stride(from: 0, to: content.count, by: 1 << 20).flatMap { start in
        Fingerprint(content[start..<min(start + (1 << 20), content.count)]).bytes
      }
      let length = (0..<8).map { UInt8(truncatingIfNeeded: content.count >> ($0 * 8)) }
      #expect(digest == Fingerprint(length + pieces))
      #expect(Fingerprint(digest: digest.bytes) == digest && Fingerprint(digest: Array(digest.bytes.dropLast())) == nil)
    }
    #expect(found.count == contents.count)
    #expect(throws: FileError.self) { try FileDescriptor.openForReading(folder.path).fingerprint() }
    #expect(throws: FileError.self) { try FileDescriptor.openForReading(folder.path + "/none").fingerprint() }
  }
}
