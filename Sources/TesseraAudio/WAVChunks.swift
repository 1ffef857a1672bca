import TesseraFiles
import TesseraSystem

/// The chunks of a WAV file, front to back, every size checked against the bytes that are there.
struct WAVChunks {
  struct Chunk {
    let id: String
    let size: UInt32
    /// Where its bytes begin.
    let start: Int
  }

  private let contents: UnsafeRawBufferPointer
  private let path: String
  private var offset = 12

  init(_ contents: UnsafeRawBufferPointer, path: String) throws(FileError) {
    (self.contents, self.path) = (contents, path)
    let kind = contents.prefix(4), form = contents.dropFirst(8).prefix(4)
    guard ["RIFF", "RF64", "BW64"].contains(where: { kind.elementsEqual($0.utf8) }), form.elementsEqual("WAVE".utf8)
    else {
      throw FileError(
        .notWAV, path: path,
        "this is not a WAV file: make one of it, such as with 'ffmpeg -i FILE -ar 16000 -ac 1 sound.wav'")
    }
  }

  /// The next chunk; nil at the end of the file.
  func next() -> Chunk? {
    guard contents.count - offset >= 8 else { return nil }
    let id = String(decoding: contents[offset..<offset + 4], as: UTF8.self)
    let size = UInt32(littleEndian: contents.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
    return Chunk(id: id, size: size, start: offset + 8)
  }

  /// Goes behind a chunk, which ends at an even place.
  mutating func skip(_ chunk: Chunk) throws(FileError) {
    _ = try body(chunk)
    offset = min(chunk.start + Int(chunk.size) + Int(chunk.size) % 2, contents.count)
  }

  /// A chunk's bytes.
  func body(_ chunk: Chunk) throws(FileError) -> UnsafeRawBufferPointer {
    let remaining = contents.count - chunk.start
    guard Int(chunk.size) <= remaining else { throw truncated(chunk.id, UInt64(chunk.size), remaining) }
    return UnsafeRawBufferPointer(rebasing: contents[chunk.start..<chunk.start + Int(chunk.size)])
  }

  /// The size of the samples that an RF64 file's `ds64` chunk has.
  func longDataSize(_ chunk: Chunk) throws(FileError) -> UInt64 {
    let bytes = try body(chunk)
    guard bytes.count >= 16 else {
      throw FileError(.malformed, path: path, "the chunk 'ds64' has \(bytes.count) bytes, and at least 16 are needed")
    }
    return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  /// Sizes from here on that are more than there is were written before the samples were known: to a pipe espeak-ng
  /// writes this one and others a little more, or all ones.
  private static let unknownSize: UInt32 = 0x7FFF_F000

  /// Bytes of samples. Who writes to a pipe cannot come back to say how many: sizes that are no file's stand for
  /// what follows up to the end, and so does 0, unless another chunk follows.
  func dataByteCount(_ chunk: Chunk, _ longSize: UInt64?) throws(FileError) -> Int {
    let remaining = contents.count - chunk.start
    let size = chunk.size == .max ? longSize ?? .max : UInt64(chunk.size)
    if size == 0 { return isChunk(at: chunk.start) ? 0 : remaining }
    let isShort = chunk.size < .max
    if size == .max || (isShort && chunk.size >= Self.unknownSize && size > remaining) { return remaining }
    guard size <= UInt64(remaining) else { throw truncated(chunk.id, size, remaining) }
    return Int(size)
  }

  /// Whether a chunk of a known kind lies there, whole.
  private func isChunk(at place: Int) -> Bool {
    let rest = contents[place...]
    guard rest.count >= 8, Self.kinds.contains(String(decoding: rest.prefix(4), as: UTF8.self)) else { return false }
    return UInt32(littleEndian: contents.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)) <= rest.count - 8
  }

  /// What is found behind samples.
  private static let kinds: Set<String> = [
    "LIST", "fact", "bext", "cue ", "smpl", "inst", "plst", "PEAK", "iXML", "axml", "chna", "id3 ", "ID3 ", "JUNK",
    "PAD ",
  ]

  private func truncated(_ id: String, _ size: UInt64, _ remaining: Int) -> FileError {
    FileError(
      .truncated, path: path,
      "the chunk \(FileError.quoted(id)) has \(size) bytes, but only \(remaining) remain: the file is cut off, or "
        + "damaged")
  }
}

/// What the `fmt ` chunk says.
struct WAVFormat {
  let encoding: WAVFile.Encoding
  let channelCount: Int
  let sampleRate: Int

  /// Bytes of one sample of every channel.
  let frameByteCount: Int

  /// Samples a second, at least: of less nothing is understood, and at 16 kHz they would take a multiple of the file.
  static let lowestRate = 1000

  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(FileError) {
    guard bytes.count >= 16 else {
      throw FileError(.malformed, path: path, "the chunk 'fmt ' has \(bytes.count) bytes, and at least 16 are needed")
    }
    func short(_ offset: Int) -> Int {
      Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }
    var tag = short(0)
    let bits = short(14)
    if tag == 0xFFFE {
      // An identifier of 16 bytes, of which the first two are the tag and the others always these.
      let rest: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
      guard bytes.count >= 40, bytes[26..<40].elementsEqual(rest) else {
        throw FileError(.unsupportedType, path: path, "the samples are of a kind that no number of WAV's stands for")
      }
      tag = short(24)
    }
    switch (tag, bits) {
    case (1, 1...8): encoding = .unsigned8
    case (1, 9...32): encoding = .signed(bytes: (bits + 7) / 8)
    case (3, 32): encoding = .float32
    case (3, 64): encoding = .float64
    default:
      let names = [2: "ADPCM", 6: "A-law", 7: "μ-law", 0x11: "ADPCM", 0x31: "GSM", 0x50: "MPEG", 0x55: "MP3"]
      let kind = [1: "PCM", 3: "floats"][tag] ?? names[tag] ?? "format \(tag)"
      throw FileError(
        .unsupportedType, path: path,
        "the samples are \(kind) of \(bits) bits, and PCM of 8 to 32 or floats of 32 or 64 are read: convert it, such "
          + "as with 'ffmpeg -i FILE -ar 16000 -ac 1 -c:a pcm_s16le sound.wav'")
    }
    channelCount = short(2)
    let rate = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    sampleRate = Int(rate)
    frameByteCount = short(12)
    let sampleBytes = tag == 3 ? bits / 8 : (bits + 7) / 8
    guard channelCount > 0, sampleRate > 0, frameByteCount == channelCount * sampleBytes else {
      throw FileError(
        .malformed, path: path,
        "\(channelCount) channels of \(bits) bits at \(rate) Hz in frames of \(frameByteCount) bytes contradict each "
          + "other: the file is damaged")
    }
    guard sampleRate >= Self.lowestRate else {
      throw FileError(
        .malformed, path: path,
        "\(rate) samples a second are no sound that is heard, and at least \(Self.lowestRate) are needed: the file is damaged, or "
          + "of something else")
    }
  }
}
