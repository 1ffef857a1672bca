import TesseraFiles
import TesseraSystem

/// A WAV file's description and where its samples lie: RIFF, RF64 or BW64, PCM of 8 to 32 bits or floats.
///
/// Sources: "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, WAVE), Microsoft's
/// `WAVEFORMATEXTENSIBLE`, EBU Tech 3306 (RF64).
struct WAVFile {
  /// How a sample is stored.
  enum Encoding: Equatable {
    /// Unsigned, 128 is silence.
    case unsigned8
    /// Signed whole numbers of so many bytes; fewer bits lie at the top.
    case signed(bytes: Int)
    case float32
    case float64
  }

  let encoding: Encoding
  let channelCount: Int
  let sampleRate: Int
  /// Where the samples lie, whole frames.
  let data: Range<Int>

  /// The most frames that are read: six hours at 48 kHz, four bytes each in memory.
  static let frameLimit = 1 << 30

  private let contents: UnsafeRawBufferPointer
  private let path: String

  var bytesPerSample: Int {
    switch encoding {
    case .unsigned8: 1
    case .signed(let bytes): bytes
    case .float32: 4
    case .float64: 8
    }
  }

  var frameCount: Int { data.count / (bytesPerSample * channelCount) }

  /// Reads what describes the samples.
  ///
  /// - Parameter contents: the whole file, which must stay where it is while this value is used.
  /// - Throws: `FileError` for whatever is wrong with it.
  init(_ contents: UnsafeRawBufferPointer, path: String) throws(FileError) {
    (self.contents, self.path) = (contents, path)
    var chunks = try WAVChunks(contents, path: path)
    var format: WAVFormat?
    var longSize: UInt64?
    while let chunk = chunks.next() {
      switch chunk.id {
      case "ds64": longSize = try chunks.longDataSize(chunk)
      case "fmt ": format = try WAVFormat(chunks.body(chunk), path: path)
      case "data":
        guard let format else {
          throw FileError(.malformed, path: path, "the samples come before the 'fmt ' chunk that describes them")
        }
        (encoding, channelCount, sampleRate) = (format.encoding, format.channelCount, format.sampleRate)
        let count = try chunks.dataByteCount(chunk, longSize)
        let frameBytes = format.frameByteCount
        let frames = count / frameBytes
        guard frames > 0 else { throw FileError(.empty, path: path, "there are no samples in it: record it again") }
        guard frames <= Self.frameLimit else {
          throw FileError(
            .tooLarge, path: path,
            "there are \(frames) samples a channel in it, and \(Self.frameLimit) are the most: cut it into parts")
        }
        data = chunk.start..<chunk.start + frames * frameBytes
        return
      default: break
      }
      try chunks.skip(chunk)
    }
    throw FileError(
      .truncated, path: path,
      "there is no chunk \(format == nil ? "'fmt '" : "'data'") in it: the file is cut off, or damaged")
  }

  /// The samples, the mean of the channels of each frame.
  ///
  /// - Throws: `FileError` `.malformed` for floats that are no numbers, or that are no sound.
  func samples() throws(FileError) -> AudioSamples {
    let count = frameCount
    let values = [Float](unsafeUninitializedCapacity: count) { memory, produced in
      switch encoding {
      case .unsigned8: mean(memory, count, 1.0 / 128) { Int32(contents[$0]) - 128 }
      case .signed(2): mean(memory, count, 1.0 / 32_768) { Int32(Int16(truncatingIfNeeded: word($0, UInt16.self))) }
      case .signed(3):
        // The three bytes become the upper ones of four.
        mean(memory, count, 1.0 / 2_147_483_648) {
          Int32(bitPattern: UInt32(word($0, UInt16.self)) << 8 | UInt32(contents[$0 + 2]) << 24)
        }
      case .signed: mean(memory, count, 1.0 / 2_147_483_648) { Int32(bitPattern: word($0, UInt32.self)) }
      case .float32: mean(memory, count, 1) { Float(bitPattern: word($0, UInt32.self)) }
      case .float64: mean(memory, count, 1) { Double(bitPattern: word($0, UInt64.self)) }
      }
      produced = count
    }
    // Also what is no number.
    if let frame = values.firstIndex(where: { !(abs($0) <= 16_777_216) }) {
      throw FileError(
        .malformed, path: path, "sample \(frame) is \(values[frame]), which is no sound: full scale is -1 to 1")
    }
    return AudioSamples(unchecked: values, sampleRate: sampleRate)
  }

  private func mean(
    _ memory: UnsafeMutableBufferPointer<Float>, _ count: Int, _ scale: Double, _ sample: (Int) -> Int32
  ) {
    mean(memory, count, scale) { Double(sample($0)) }
  }

  private func mean(
    _ memory: UnsafeMutableBufferPointer<Float>, _ count: Int, _ scale: Double, _ sample: (Int) -> Float
  ) {
    mean(memory, count, scale) { Double(sample($0)) }
  }

  private func mean(
    _ memory: UnsafeMutableBufferPointer<Float>, _ count: Int, _ scale: Double, _ sample: (Int) -> Double
  ) {
    let factor = scale / Double(channelCount)
    var place = data.lowerBound
    for frame in 0..<count {
      var sum = 0.0
      for _ in 0..<channelCount {
        sum += sample(place)
        place += bytesPerSample
      }
      memory[frame] = Float(sum * factor)
    }
  }

  private func word<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type) -> T {
    T(littleEndian: contents.loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}
