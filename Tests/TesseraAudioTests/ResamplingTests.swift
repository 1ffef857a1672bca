import Foundation
import TesseraFiles
import Testing

@testable import TesseraAudio

@Suite("Resampling")
struct ResamplingTests {
  /// The power of `wanted` over that of the difference, in dB, away from the ends.
  private func ratio(_ found: [Float], _ wanted: (Int) -> Double, _ margin: Int) -> Double {
    var (signal, error) = (0.0, 0.0)
    for index in margin..<found.count - margin {
      let value = wanted(index)
      signal += value * value
      error += (Double(found[index]) - value) * (Double(found[index]) - value)
    }
    return 10 * log10(signal / error)
  }

  @Test("sines stay sines at 16 kHz", arguments: [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
  func sines(rate: Int) throws {
    let tones = [440.0, 1234.5, 3000]
    func value(_ time: Double) -> Double { tones.reduce(0) { $0 + 0.3 * sin(2 * .pi * $1 * time) } }
    let sound = try AudioSamples(
      samples: (0..<rate).map { Float(value(Double($0) / Double(rate))) }, sampleRate: rate)
    let found = try sound.resampled(to: 16_000)
    #expect(found.sampleRate == 16_000 && abs(found.samples.count - 16_000) <= 1)
    let decibels = ratio(found.samples, { value(Double($0) / 16_000) }, 1_000)
    #expect(decibels > 100, "\(decibels) dB")
  }

  @Test("what lies above half of the rate is left out")
  func aliases() throws {
    let sound = try AudioSamples(
      samples: (0..<48_000).map { sin(2 * .pi * 10_000 * Float($0 % 24) / 48_000) }, sampleRate: 48_000)
    let found = try sound.resampled(to: 16_000)
    #expect((found.samples[500..<15_500].map(abs).max() ?? 1) < 1e-4)
  }

  @Test("speech, as scipy has it")
  func speech() throws {
    let wanted = try NPYArray(path: fixture("resampled.npy")).floats()
    let found = try AudioSamples(contentsOf: fixture("speech.wav")).resampled(to: 22_050)
    let decibels = ratio(Array(found.samples[..<wanted.count]), { Double(wanted[$0]) }, 200)
    #expect(decibels > 80, "\(decibels) dB")
  }

  @Test("a result that no memory holds is refused before any is taken; a canceled task stops")
  func large() async throws {
    let slow = try AudioSamples(samples: [Float](repeating: 0, count: 5_000_000), sampleRate: 63)
    let error = #expect(throws: AudioError.self) { try slow.resampled(to: 16_000) }
    #expect(error?.message.contains("5000000 samples at 63 Hz are more than") == true, "\(error?.message ?? "")")
    let long = try AudioSamples(samples: [Float](repeating: 0, count: 48_000 * 600), sampleRate: 48_000)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try long.resampled(to: 16_000)
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("the same rate changes nothing; rates too far away are refused")
  func limits() throws {
    let sound = try AudioSamples(samples: [0.5, -0.5], sampleRate: 16_000)
    #expect(try sound.resampled(to: 16_000).samples == [0.5, -0.5])
    #expect(throws: AudioError.self) { try sound.resampled(to: 0) }
    #expect(throws: AudioError.self) { try sound.resampled(to: -1) }
    let error = #expect(throws: AudioError.self) { try sound.resampled(to: 62) }
    #expect(error?.message.contains("16000 Hz cannot be brought to 62 Hz") == true)
    #expect(try AudioSamples(samples: [], sampleRate: 8_000).resampled(to: 16_000).samples.isEmpty)
    #expect(try AudioSamples(samples: [1], sampleRate: 48_000).resampled(to: 16_000).samples.count <= 1)
  }
}
