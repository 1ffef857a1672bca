#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What Whisper takes: the logarithms of the powers in mel bands, 100 times a second.
///
/// A frame is 400 samples under a periodic Hann window, 160 samples after the one before; frame `i`'s middle is sample
/// `160 i`, and before the first sample and behind the last the sound is mirrored. Its spectrum's powers are summed by
/// triangular filters; of the sums, at least 1e-10, the decimal logarithm is taken, raised to no less than the largest of
/// the whole result less 8, and mapped by `(x + 4) / 4`.
///
/// The largest is that of one call: of a longer sound in windows, each window is scaled by itself, as `transformers` does
/// with windows that are given to it one by one.
/// Source: `WhisperFeatureExtractor` in `feature_extraction_whisper.py` of `transformers`, after `log_mel_spectrogram` in
/// `whisper/audio.py` of https://github.com/openai/whisper
package struct LogMel: Sendable {
  /// Samples a second.
  package static let sampleRate = 16_000
  /// Samples from one frame to the next.
  package static let hop = 160

  /// Bands: 80, or 128 from large-v3 on.
  package let melCount: Int

  private let window: [Float]
  private let transform = FourierTransform()
  private let bank: MelFilters

  /// - Parameter melCount: the number of bands, at least 1.
  package init(melCount: Int) {
    self.melCount = max(melCount, 1)
    let size = FourierTransform.size
    window = (0..<size).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(size))) }
    bank = MelFilters(
      count: self.melCount, binCount: FourierTransform.binCount, sampleRate: Double(Self.sampleRate))
  }

  /// The spectrogram of `frameCount` frames.
  ///
  /// - Parameters:
  ///   - samples: at 16 kHz; what is beyond `160 * frameCount` is left out, what is missing is silence.
  ///   - frameCount: 3000 for a window of 30 s.
  /// - Returns: shape [`melCount`, `frameCount`]: band `b` of frame `f` is element `b * frameCount + f`.
  /// - Throws: `CancellationError` where the task is canceled.
  package func callAsFunction(_ samples: ArraySlice<Float>, frameCount: Int) throws -> [Float] {
    try samples.withUnsafeBufferPointer { try self($0, frameCount: frameCount) }
  }

  /// The spectrogram of `frameCount` frames of samples in memory.
  package func callAsFunction(_ samples: UnsafeBufferPointer<Float>, frameCount: Int) throws -> [Float] {
    guard frameCount > 0 else { return [] }
    let sound = mirrored(samples, frameCount)
    var result = try [Float](unsafeUninitializedCapacity: melCount * frameCount) { memory, count in
      try sound.withUnsafeBufferPointer { try logarithms($0, frameCount, memory) }
      count = melCount * frameCount
    }
    let floor = (result.max() ?? 0) - 8
    for index in result.indices { result[index] = (max(result[index], floor) + 4) / 4 }
    return result
  }

  /// The samples of all frames: half a window before the sound and behind it, and zeros up to whole groups of frames.
  private func mirrored(_ samples: UnsafeBufferPointer<Float>, _ frameCount: Int) -> [Float] {
    let count = frameCount * Self.hop, edge = FourierTransform.size / 2
    let groups = (frameCount + Self.lanes - 1) / Self.lanes
    var sound = [Float](repeating: 0, count: groups * Self.lanes * Self.hop + 2 * edge)
    for index in 0..<min(samples.count, count) { sound[edge + index] = samples[index] }
    // A mirror at each end; a sound that is shorter than the edge goes to and fro.
    let period = 2 * (count - 1)
    for distance in 1...edge {
      let place = distance % period
      sound[edge - distance] = sound[edge + min(place, period - place)]
      let back = (count - 1 + distance) % period
      sound[edge + count - 1 + distance] = sound[edge + min(back, period - back)]
    }
    return sound
  }

  /// Frames from one look at whether the task is canceled to the next.
  private static let framesOfPiece = 4096
  private static let lanes = FourierTransform.Lanes.scalarCount

  private func logarithms(
    _ sound: UnsafeBufferPointer<Float>, _ frameCount: Int, _ result: UnsafeMutableBufferPointer<Float>
  ) throws {
    typealias Lanes = FourierTransform.Lanes
    let (size, bins, hop) = (FourierTransform.size, FourierTransform.binCount, Self.hop)
    try withUnsafeTemporaryAllocation(of: Lanes.self, capacity: FourierTransform.scratchCount + bins) { memory in
      guard let scratch = memory.baseAddress else { return }
      let powers = scratch + FourierTransform.scratchCount
      for first in stride(from: 0, to: frameCount, by: Self.lanes) {
        if first.isMultiple(of: Self.framesOfPiece) { try Task.checkCancellation() }
        for index in 0..<size {
          let start = first * hop + index
          var lanes = Lanes()
          for lane in 0..<Self.lanes { lanes[lane] = sound[start + lane * hop] }
          scratch[index % 2 * (size / 2) + index / 2] = lanes * window[index]
        }
        transform.powers(scratch, powers)
        let count = min(Self.lanes, frameCount - first)
        for (band, filter) in bank.filters.enumerated() {
          var sum = Lanes()
          for (offset, weight) in filter.weights.enumerated() { sum += powers[filter.first + offset] * weight }
          for lane in 0..<count { result[band * frameCount + first + lane] = log10(max(sum[lane], 1e-10)) }
        }
      }
    }
  }
}
