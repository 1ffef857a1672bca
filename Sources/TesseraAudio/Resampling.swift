import CSampleRate

extension AudioSamples {
  /// The same sound at another rate, by libsamplerate's best sinc filter. What lies above half of the new rate is left
  /// out, not folded back.
  ///
  /// - Throws: `AudioError` for a rate that is over 256 times this one, or under a 256th of it.
  public func resampled(to rate: Int) throws -> AudioSamples {
    if rate == sampleRate { return self }
    let ratio = Double(rate) / Double(sampleRate)
    guard rate > 0, src_is_valid_ratio(ratio) != 0 else {
      throw AudioError("\(sampleRate) Hz cannot be brought to \(rate) Hz: more than 256 times is too far")
    }
    let (product, overflow) = samples.count.multipliedReportingOverflow(by: rate)
    guard !overflow, product <= Int.max - sampleRate else { throw AudioError("the sound is too long to be resampled") }
    let count = (product + sampleRate - 1) / sampleRate
    if count == 0 { return AudioSamples(unchecked: [], sampleRate: rate) }
    let output = try [Float](unsafeUninitializedCapacity: count) { memory, produced in
      try samples.withUnsafeBufferPointer { input in
        var data = SRC_DATA()
        data.data_in = input.baseAddress
        data.data_out = memory.baseAddress
        (data.input_frames, data.output_frames) = (input.count, count)
        data.src_ratio = ratio
        let code = src_simple(&data, Int32(SRC_SINC_BEST_QUALITY), 1)
        guard code == 0 else {
          let reason = src_strerror(code).map { String(cString: $0) } ?? "error \(code)"
          throw AudioError("\(sampleRate) Hz cannot be brought to \(rate) Hz: \(reason)")
        }
        produced = min(max(data.output_frames_gen, 0), count)
      }
    }
    return AudioSamples(unchecked: output, sampleRate: rate)
  }
}
