import Foundation
import TesseraMemory
import TesseraOperators
import Testing

@testable import TesseraModels

extension FamilySuites {
  @Suite("Speech beside transformers in float64")
  struct SpeechFamilyTests {
    private func model(_ fixture: FamilyFixture, style: KernelStyle? = nil) throws -> FamilyModel {
      var options = ModelRunner.Options()
      options.style = style
      return try fixture.model(options)
    }

    @Test(
      "hidden states of sound, log-probabilities and continuations agree, in chunks with the same bits",
      arguments: FamilyFixture.all(with: \.sounds))
    func sounds(fixture: FamilyFixture) throws {
      let model = try model(fixture)
      let vocabulary = model.runner.profile.vocabularySize
      for sound in try #require(fixture.reference().sounds) {
        let sequence = model.runner.cache.makeSequence()
        defer { sequence.close() }
        let states = try model.runner.hidden(
          model.runner.runSource(features: sound.features.values, of: sequence))
        let distance = worstRelative(states, sound.encoderHiddenStates.values)
        #expect(distance < 1e-4, "\(distance)")
        let logits = try model.logits(sound.target, of: sequence, chunk: .max)
        #expect(logits.count == sound.target.count * vocabulary)
        let worst = worstLogProbability(logits, sound.logProbabilities)
        #expect(worst < 1e-4, "\(worst)")
        // A source stays when its target is cut.
        try sequence.truncate(to: 0)
        let chunked = try model.logits(sound.target, of: sequence, chunk: 1)
        #expect(chunked.map(\.bitPattern) == logits.map(\.bitPattern))
        try sequence.truncate(to: 0)
        let generated = try model.greedy([sound.target[0]], of: sequence, count: sound.generated.count)
        #expect(generated == sound.generated)
      }
    }

    @Test("a projection that is not tied to the embedding makes the logits")
    func untied() throws {
      let name = "proj_out.weight"
      var embedding = 0..<0
      let path = "model.safetensors"
      func entry(_ value: Any?) throws -> (whole: [String: Any], range: Range<Int>) {
        let whole = try #require(value as? [String: Any])
        let offsets = try #require(whole["data_offsets"] as? [Int])
        return (whole, offsets[0]..<offsets[1])
      }
      let fixture = FamilyFixture(folder: "whisper", file: nil)
      let sound = try #require(fixture.reference().sounds?.first)
      func logits(_ model: FamilyModel) throws -> [Float] {
        let sequence = model.runner.cache.makeSequence()
        defer { sequence.close() }
        _ = try model.runner.runSource(features: sound.features.values, of: sequence)
        return try model.logits(sound.target, of: sequence, chunk: .max)
      }
      let negated = try FamilyFixture.withCopy(
        of: "whisper", config: { $0.merging(["tie_word_embeddings": false]) { $1 } },
        header: { header in
          guard let tied = try? entry(header["model.decoder.embed_tokens.weight"]) else { return header }
          let end = header.values.compactMap { (($0 as? [String: Any])?["data_offsets"] as? [Int])?[1] }.max() ?? 0
          embedding = tied.range
          var own = tied.whole
          own["data_offsets"] = [end, end + tied.range.count]
          return header.merging([name: own]) { $1 }
        }
      ) { folder in
        let file = URL(fileURLWithPath: "\(folder)/\(path)")
        var data = try Data(contentsOf: file)
        let start = 8 + (0..<8).reduce(0) { $0 | Int(data[$1]) << (8 * $1) }
        // Float16, with the other sign.
        let own = data[start + embedding.lowerBound..<start + embedding.upperBound]
        data += own.enumerated().map { $0.offset % 2 == 1 ? $0.element ^ 0x80 : $0.element }
        try data.write(to: file)
        return try logits(FamilyModel(path: folder))
      }
      #expect(try negated == logits(model(fixture)).map { -$0 })
    }

    @Test("both kernel styles give the same bits", arguments: FamilyFixture.all(with: \.sounds))
    func styles(fixture: FamilyFixture) throws {
      let sound = try #require(fixture.reference().sounds?.last)
      let bits = try [KernelStyle.vector, .simt].map { style in
        let model = try model(fixture, style: style)
        let sequence = model.runner.cache.makeSequence()
        let states = try model.runner.hidden(
          model.runner.runSource(features: sound.features.values, of: sequence))
        return try (states + model.logits(sound.target, of: sequence, chunk: .max)).map(\.bitPattern)
      }
      #expect(bits[0] == bits[1])
    }

    @Test("what is no sound is refused", arguments: FamilyFixture.all(with: \.sounds))
    func refused(fixture: FamilyFixture) throws {
      let model = try model(fixture)
      let sequence = model.runner.cache.makeSequence()
      defer { sequence.close() }
      #expect(throws: ModelError.self) { try model.runner.runSource([5, 6], of: sequence) }
      for count in [0, 479, 481] {
        #expect(throws: ModelError.self) {
          try model.runner.runSource(features: Array(repeating: 0, count: count), of: sequence)
        }
      }
      // A target without its source.
      #expect(throws: ModelError.self) { try model.logits([90], of: sequence, chunk: .max) }
    }
  }
}
