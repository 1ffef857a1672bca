import Foundation
import TesseraFiles
import Testing

@testable import TesseraAudio

/// The committed fixture of that name.
func fixture(_ name: String) -> String { Bundle.module.bundlePath + "/Fixtures/" + name }

@Suite("Log-mel spectrograms")
struct LogMelTests {
  /// Of values between about -1.5 and 1.6. transformers' own path through torch in float32 is 3.2e-5 away.
  private static let tolerance: Float = 3e-5

  /// Numbers that make_audio_fixtures.py has, too.
  private func noise(_ count: Int) -> [Float] {
    var state: UInt64 = 13
    return (0..<count).map { index in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float((Double(state >> 40) / 16_777_216 - 0.5) * (0.01 + Double(index % 40_000) / 40_000))
    }
  }

  private func check(_ found: [Float], _ frames: [Int], _ name: String, _ bands: Int) throws {
    let wanted = try NPYArray(path: fixture(name))
    #expect(wanted.shape == [bands, frames.count] && found.count == bands * 3000)
    let values = try wanted.floats()
    var error: Float = 0
    for band in 0..<bands {
      for (index, frame) in frames.enumerated() {
        error = max(error, abs(found[band * 3000 + frame] - values[band * frames.count + index]))
      }
    }
    #expect(error <= Self.tolerance, "\(name): \(error)")
  }

  @Test("of speech, as transformers' extractor has it", arguments: [80, 128])
  func speech(bands: Int) throws {
    let sound = try AudioSamples(contentsOf: fixture("speech.wav"))
    #expect(sound.sampleRate == 16_000)
    let found = try LogMel(melCount: bands)(sound.samples[...], frameCount: 3000)
    let end = (sound.samples.count + 159) / 160 + 2
    try check(found, Array(stride(from: 0, to: end, by: 4)), "mel-speech-\(bands).npy", bands)
    // Silence: the largest less 8.
    let floor = ((found.max() ?? 0) * 4 - 4 - 8 + 4) / 4
    #expect(found[2999] == found[bands * 3000 - 1] && abs(found[2999] - floor) < 1e-6)
  }

  @Test("of more than 30 s of noise, also at its mirrored ends", arguments: [80, 128])
  func longNoise(bands: Int) throws {
    let frames = [0, 1, 2] + stride(from: 50, to: 3000, by: 50) + [2997, 2998, 2999]
    try check(
      LogMel(melCount: bands)(noise(31 * 16_000)[...], frameCount: 3000), frames, "mel-noise-\(bands).npy", bands)
  }

  @Test("silence is the least of all")
  func silence() throws {
    let mel = LogMel(melCount: 80)
    #expect(try mel([], frameCount: 100) == [Float](repeating: -1.5, count: 8000))
    #expect(try mel([0, 0, 0], frameCount: 1) == [Float](repeating: -1.5, count: 80))
    #expect(try mel([1], frameCount: 0) == [])
  }

  @Test("a frame does not depend on how many there are, nor on which lie beside it")
  func frames() throws {
    // Both have the largest value, a beep in the tenth frame.
    var sound = noise(64_000).map { $0 / 100 }
    for index in 1600..<2000 { sound[index] = sin(Float(index)) }
    let mel = LogMel(melCount: 80)
    let whole = try mel(sound[...], frameCount: 400)
    let part = try mel(sound[...], frameCount: 23)
    // The last ones hear the mirror.
    for band in 0..<80 { #expect(whole[band * 400..<band * 400 + 20] == part[band * 23..<band * 23 + 20]) }
    let later = try mel(sound[480...], frameCount: 300)
    for band in 0..<80 {
      #expect(whole[band * 400 + 10..<band * 400 + 200] == later[band * 300 + 7..<band * 300 + 197])
    }
  }

  @Test("a canceled task stops")
  func canceled() async throws {
    let sound = noise(64_000)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try LogMel(melCount: 80)(sound[...], frameCount: 400)
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("one frame and a few are mirrored to and fro", arguments: [1, 2, 3])
  func short(count: Int) throws {
    let sound = noise(160 * count)
    let found = try LogMel(melCount: 80)(sound[...], frameCount: count)
    // By the definition, in float64.
    let last = sound.count - 1
    func sample(_ place: Int) -> Double {
      var place = abs(place) % (2 * last)
      if place > last { place = 2 * last - place }
      return Double(sound[place])
    }
    let bank = MelFilters(count: 80, binCount: 201, sampleRate: 16_000)
    var logarithms: [[Double]] = []
    for frame in 0..<count {
      let powers = (0..<201).map { bin in
        var (re, im) = (0.0, 0.0)
        for index in 0..<400 {
          let value = sample(frame * 160 + index - 200) * (0.5 - 0.5 * cos(2 * .pi * Double(index) / 400))
          let angle = 2 * Double.pi * Double(bin * index % 400) / 400
          re += value * cos(angle)
          im -= value * sin(angle)
        }
        return re * re + im * im
      }
      logarithms.append(
        bank.filters.map { filter in
          let sum = filter.weights.enumerated().reduce(0) { $0 + Double($1.element) * powers[filter.first + $1.offset] }
          return log10(max(sum, 1e-10))
        })
    }
    let floor = (logarithms.joined().max() ?? 0) - 8
    for (index, value) in found.enumerated() {
      let wanted = (max(logarithms[index % count][index / count], floor) + 4) / 4
      #expect(abs(Double(value) - wanted) < 1e-5)
    }
  }

  @Test("filters are triangles of one area between 0 and half of the rate", arguments: [80, 128])
  func filters(count: Int) {
    let bank = MelFilters(count: count, binCount: 201, sampleRate: 16_000)
    #expect(bank.filters.count == count && bank.filters.allSatisfy { !$0.weights.isEmpty })
    #expect(bank.filters.allSatisfy { $0.first + $0.weights.count <= 201 })
    // A bin is 40 Hz; wide filters have the area 1.
    let area = (bank.filters.last?.weights.reduce(0, +) ?? 0) * 40
    #expect(abs(area - 1) < 0.02)
  }
}
