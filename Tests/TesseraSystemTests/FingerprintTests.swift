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
}
