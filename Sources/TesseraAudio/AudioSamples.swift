import TesseraFiles
import TesseraSystem

/// Sound on one channel.
public struct AudioSamples: Sendable {
  /// The samples; full scale is -1 to 1.
  public let samples: [Float]
  /// Samples per second.
  public let sampleRate: Int

  /// Sound that is at hand.
  ///
  /// - Parameters:
  ///   - samples: on one channel.
  ///   - sampleRate: samples per second, at least 1.
  /// - Throws: `AudioError` for another rate, or a sample that is no number.
  public init(samples: [Float], sampleRate: Int) throws {
    guard sampleRate > 0 else { throw AudioError("a sample rate of \(sampleRate) is no rate: at least 1 is") }
    if let index = samples.firstIndex(where: { !$0.isFinite }) {
      throw AudioError("sample \(index) is \(samples[index]): sound is made of numbers, full scale being -1 to 1")
    }
    self.init(unchecked: samples, sampleRate: sampleRate)
  }

  /// The sound of a WAV file, of any rate from 1000 a second on; what has several channels becomes their mean.
  ///
  /// - Throws: `FileError` where it cannot be read or is no such file, `.empty` where it has no samples.
  public init(contentsOf path: String) throws {
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    self = try WAVFile(file.bytes(at: 0, count: file.byteCount), path: path).samples()
  }

  /// The sound of a WAV file's bytes.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - name: what errors call it.
  public init(wav bytes: [UInt8], named name: String = "WAV data") throws {
    self = try bytes.withUnsafeBytes { try WAVFile($0, path: name).samples() }
  }

  init(unchecked samples: [Float], sampleRate: Int) {
    (self.samples, self.sampleRate) = (samples, sampleRate)
  }

  /// How long it is, in seconds.
  public var duration: Double { Double(samples.count) / Double(sampleRate) }
}

/// Why sound cannot be used; `message` is one line that says what is wrong and what to do.
public struct AudioError: Error, CustomStringConvertible, Sendable, Equatable {
  public let message: String
  public var description: String { message }

  init(_ message: String) { self.message = message }
}
