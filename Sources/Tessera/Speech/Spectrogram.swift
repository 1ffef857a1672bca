/// A log-mel spectrogram, of which windows are taken.
struct Spectrogram: Sendable {
  /// Frames of a second.
  static let rate = 100.0

  let bandCount, frameCount: Int
  /// (bands, stride) floats, of which each band has `frameCount`.
  private let values: [Float]
  private let stride: Int

  /// - Parameter stride: frames that each band of `values` has, those behind `frameCount` included, of which the last is of
  ///   silence alone.
  init(_ values: [Float], bandCount: Int, stride: Int, frameCount: Int) {
    (self.values, self.bandCount, self.stride, self.frameCount) = (values, bandCount, stride, frameCount)
  }

  /// The first frames, (frames, bands), and behind the last one those of silence, as if the sound had more of it.
  func beginning(frames: Int) -> [Float] {
    (0..<frames).flatMap { frame in (0..<bandCount).map { values[$0 * stride + min(frame, stride - 1)] } }
  }

  /// Frames from `first` on, (frames, bands); zeros behind the last one, as the model was trained.
  func window(from first: Int, frames: Int) -> [Float] {
    var window = [Float](repeating: 0, count: frames * bandCount)
    for frame in 0..<min(frames, frameCount - first) {
      for band in 0..<bandCount { window[frame * bandCount + band] = values[band * stride + first + frame] }
    }
    return window
  }
}
