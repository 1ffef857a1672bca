import Foundation
import TesseraSystem
import TestSupport
import Testing

@testable import TesseraAudio

@Suite("WAV files")
struct WAVFileTests {
  private func samples(_ builder: WAVBuilder) throws -> [Float] { try AudioSamples(wav: builder.build()).samples }

  @Test("PCM of 8 to 32 bits and floats are read at full scale", arguments: [false, true])
  func encodings(isExtensible: Bool) throws {
    func read(_ tag: UInt16, _ bits: UInt16, _ data: [UInt8]) throws -> [Float] {
      var builder = WAVBuilder(tag: tag, bits: bits, data: data)
      builder.isExtensible = isExtensible
      return try samples(builder)
    }
    #expect(try read(1, 8, [0, 64, 128, 255]) == [-1, -0.5, 0, 127 / 128])
    let short: [Int16] = [-32_768, 16_384, 0, 1]
    #expect(try read(1, 16, short.flatMap { WAVBuilder.bytes($0) }) == [-1, 0.5, 0, 1 / 32_768])
    let three: [UInt8] = [0, 0, 0x80, 0, 0, 0x40, 1, 0, 0, 0xFF, 0xFF, 0xFF]
    #expect(try read(1, 24, three) == [-1, 0.5, 1 / 8_388_608, -1 / 8_388_608])
    // 20 bits lie at the top of 24, 12 of 16.
    #expect(try read(1, 20, three) == [-1, 0.5, 1 / 8_388_608, -1 / 8_388_608])
    #expect(try read(1, 12, short.flatMap { WAVBuilder.bytes($0) }) == [-1, 0.5, 0, 1 / 32_768])
    let long: [Int32] = [.min, 1 << 30, 0, 256]
    #expect(try read(1, 32, long.flatMap { WAVBuilder.bytes($0) }) == [-1, 0.5, 0, 256 / 2_147_483_648])
    let values: [Float] = [-1, 0.123_456_79, 1.5]
    #expect(try read(3, 32, values.flatMap { WAVBuilder.bytes($0.bitPattern) }) == values)
    #expect(try read(3, 64, values.flatMap { WAVBuilder.bytes(Double($0).bitPattern) }) == values)
  }

  @Test("channels become their mean; half a frame at the end is left out")
  func channels() throws {
    let data: [Int16] = [16_384, 0, -32_768, 8_192, 8_192, 8_192]
    var builder = WAVBuilder(channels: 3, rate: 44_100, data: data.flatMap { WAVBuilder.bytes($0) } + [1, 2, 3])
    let sound = try AudioSamples(wav: builder.build())
    #expect(sound.samples == [-1 / 6, 0.25] && sound.sampleRate == 44_100)
    #expect(sound.duration == 2.0 / 44_100)
    builder.channels = 2
    #expect(try samples(builder) == [0.25, -0.375, 0.25])
  }

  @Test("other chunks are passed over, also behind the samples and of an odd size")
  func chunks() throws {
    var builder = WAVBuilder(bits: 8, data: [0, 128, 255])
    builder.before = [("LIST", [1, 2, 3]), ("fact", [0, 0, 0, 0])]
    builder.after = WAVBuilder.chunk("LIST", [9, 9, 9, 9])
    #expect(try samples(builder) == [-1, 0, 127 / 128])
  }

  @Test("sizes that nobody knew when they were written stand for what is there")
  func streams() throws {
    for size: UInt32 in [0, .max] {
      let builder = WAVBuilder(bits: 8, dataSize: size, data: [0, 128, 64, 128])
      #expect(try samples(builder) == [-1, 0, -0.5, 0])
    }
    // espeak-ng's and ffmpeg's; what is whole is taken at its word.
    for size: UInt32 in [0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE] {
      #expect(try samples(WAVBuilder(bits: 8, dataSize: size, data: [0, 128, 64, 128])) == [-1, 0, -0.5, 0])
    }
    // Behind no samples at all, what follows is no sound, unless it is none of WAV's chunks.
    var empty = WAVBuilder(bits: 8, dataSize: 0)
    empty.after = WAVBuilder.chunk("LIST", [9, 9, 9, 9])
    let error = #expect(throws: FileError.self) { try samples(empty) }
    #expect(error?.code == .empty)
    for after in [WAVBuilder.chunk("LIST", [9], size: 100), WAVBuilder.chunk("abcd", [9, 9, 9, 9])] {
      empty.after = after
      #expect(try samples(empty).count == after.count)
    }
    for kind in ["RF64", "BW64"] {
      for size: UInt64 in [3, 0, .max] {
        let builder = WAVBuilder(kind: kind, bits: 8, dataSize: .max, longSize: size, data: [0, 128, 64, 128])
        #expect(try samples(builder) == Array([-1, 0, -0.5, 0].prefix(size == 3 ? 3 : 4)))
      }
    }
  }

  @Test("what is no WAV file, or contradicts itself, is an error that says so")
  func refusals() throws {
    func refuse(_ code: FileError.Code, _ words: String, _ bytes: [UInt8]) {
      let error = #expect(throws: FileError.self) { try AudioSamples(wav: bytes, named: "x.wav") }
      #expect(error?.code == code && error?.message.contains(words) == true, "\(error.map { "\($0)" } ?? "")")
    }
    func refuse(_ code: FileError.Code, _ words: String, _ change: (inout WAVBuilder) -> Void) {
      var builder = WAVBuilder(data: [1, 0, 2, 0])
      change(&builder)
      refuse(code, words, builder.build())
    }
    refuse(.notWAV, "ffmpeg", [])
    refuse(.notWAV, "ffmpeg", Array("ID3\u{4}, and more of a song".utf8))
    refuse(.notWAV, "ffmpeg") { $0.kind = "RIFX" }
    refuse(.empty, "no samples") { $0.data = [] }
    refuse(.empty, "no samples") { $0.data = [1] }
    refuse(.truncated, "'data' has 10000 bytes, but only 4 remain") { $0.dataSize = 10_000 }
    refuse(.truncated, "has 10000000000 bytes") { ($0.dataSize, $0.longSize) = (.max, 10_000_000_000) }
    refuse(.truncated, "no chunk 'data'", Array(WAVBuilder(data: []).build().dropLast(8)))
    refuse(.truncated, "no chunk 'fmt '", Array("RIFF\0\0\0\0WAVE".utf8))
    refuse(.truncated, "'fmt '", Array(WAVBuilder().build().prefix(30)))
    refuse(.malformed, "come before", Array("RIFF\0\0\0\0WAVE".utf8) + WAVBuilder.chunk("data", [0, 0]))
    refuse(.malformed, "at least 16", Array("RIFF\0\0\0\0WAVE".utf8) + WAVBuilder.chunk("fmt ", [1, 0]))
    refuse(.malformed, "at least 16", Array("RF64\0\0\0\0WAVE".utf8) + WAVBuilder.chunk("ds64", [1, 0]))
    refuse(.malformed, "contradict") { $0.frameBytes = 3 }
    refuse(.malformed, "contradict") { $0.channels = 0 }
    refuse(.malformed, "contradict") { $0.rate = 0 }
    refuse(.malformed, "63 samples a second") { $0.rate = 63 }
    refuse(.truncated, "only 4 remain") { $0.dataSize = 0x7FFF_EFFF }
    refuse(.unsupportedType, "MP3 of 16 bits") { $0.tag = 0x55 }
    refuse(.unsupportedType, "floats of 16 bits") { $0.tag = 3 }
    refuse(.unsupportedType, "PCM of 64 bits") { $0.bits = 64 }
    refuse(.unsupportedType, "PCM of 0 bits") { $0.bits = 0 }
    for value: Float in [.nan, .infinity, -1e30] {
      refuse(.malformed, "sample 1 is") {
        ($0.tag, $0.bits, $0.data) = (3, 32, WAVBuilder.bytes(UInt32(0)) + WAVBuilder.bytes(value.bitPattern))
      }
    }
    let folder = #expect(throws: FileError.self) { try AudioSamples(contentsOf: NSTemporaryDirectory()) }
    #expect(folder?.code == .isFolder)
  }

  @Test("a file whose header announces more samples than are read is refused before memory is taken")
  func sparse() throws {
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("long.wav").path
      let builder = WAVBuilder(kind: "RF64", bits: 8, dataSize: .max, longSize: 10_000_000_000)
      try Data(builder.build()).write(to: URL(fileURLWithPath: path))
      #expect(truncate(path, 10_000_001_000) == 0)
      let error = #expect(throws: FileError.self) { try AudioSamples(contentsOf: path) }
      #expect(error?.code == .tooLarge && error?.message.contains("10000000000 samples") == true)
    }
  }

  @Test("whatever bits are inverted, or cut off, the answer is samples or an error")
  func damage() {
    var builder = WAVBuilder(bits: 24, channels: 2, data: (0..<60).map { UInt8($0) })
    builder.before = [("LIST", [1, 2, 3])]
    builder.isExtensible = true
    let whole = builder.build()
    var read = 0
    for place in 0..<8 * whole.count {
      var bytes = whole
      bytes[place / 8] ^= 1 << UInt8(place % 8)
      do { read += try AudioSamples(wav: bytes).samples.isEmpty ? 0 : 1 } catch { #expect(error is FileError) }
    }
    #expect(read > 4 * builder.data.count)
    for count in 0..<whole.count {
      #expect(throws: FileError.self) { try AudioSamples(wav: Array(whole.prefix(count))) }
    }
  }

  @Test("sound at hand must be numbers at a rate")
  func samplesAtHand() throws {
    #expect(throws: AudioError.self) { try AudioSamples(samples: [0], sampleRate: 0) }
    #expect(throws: AudioError.self) { try AudioSamples(samples: [0, .nan], sampleRate: 8_000) }
    #expect(try AudioSamples(samples: [0, 0], sampleRate: 2).duration == 1)
  }
}
