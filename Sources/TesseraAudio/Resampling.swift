import CSampleRate

extension AudioSamples {
  /// The same sound at another rate, by libsamplerate's best sinc filter. What lies above half of the new rate is left
  /// out, not folded back.
  ///
  /// - Throws: `AudioError` for a rate that is over 256 times this one, or under a 256th of it, and for a result of more than
  ///   2³⁰ samples; `CancellationError` where the task is canceled.
  public func resampled(to rate: Int) throws -> AudioSamples {
    if rate == sampleRate { return self }
    let ratio = Double(rate) / Double(sampleRate)
    guard rate > 0, src_is_valid_ratio(ratio) != 0 else {
      throw AudioError("\(sampleRate) Hz cannot be brought to \(rate) Hz: more than 256 times is too far")
    }
    let (product, overflow) = samples.count.multipliedReportingOverflow(by: rate)
    let count = overflow ? Int.max : product / sampleRate + (product % sampleRate > 0 ? 1 : 0)
    guard count <= WAVFile.frameLimit else {
      throw AudioError(
        "\(samples.count) samples at \(sampleRate) Hz are more than \(WAVFile.frameLimit) at \(rate) Hz: cut the sound into "
          + "parts")
    }
    if count == 0 { return AudioSamples(unchecked: [], sampleRate: rate) }
    var code: Int32 = 0
    guard let state = src_new(Int32(SRC_SINC_BEST_QUALITY), 1, &code) else { throw failure(code, rate) }
    defer { src_delete(state) }
    let output = try [Float](unsafeUninitializedCapacity: count) { memory, produced in
      try samples.withUnsafeBufferPointer { input in
        var data = SRC_DATA()
        data.data_in = input.baseAddress
        data.data_out = memory.baseAddress
        (data.input_frames, data.end_of_input, data.src_ratio) = (input.count, 1, ratio)
        // By pieces, so that hours of sound can be canceled.
        repeat {
          try Task.checkCancellation()
          data.output_frames = min(count - produced, Self.piece)
          code = src_process(state, &data)
          guard code == 0 else { throw failure(code, rate) }
          produced += max(data.output_frames_gen, 0)
          data.data_in = data.data_in?.advanced(by: data.input_frames_used)
          data.data_out = data.data_out?.advanced(by: data.output_frames_gen)
          data.input_frames -= data.input_frames_used
        } while data.output_frames_gen > 0 && produced < count
      }
    }
    return AudioSamples(unchecked: output, sampleRate: rate)
  }

  /// Samples of the result that are made at a time.
  private static let piece = 1 << 16

  private func failure(_ code: Int32, _ rate: Int) -> AudioError {
    let reason = src_strerror(code).map { String(cString: $0) } ?? "error \(code)"
    return AudioError("\(sampleRate) Hz cannot be brought to \(rate) Hz: \(reason)")
  }
}
