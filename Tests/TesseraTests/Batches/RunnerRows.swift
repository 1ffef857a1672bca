import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraModels
import TestSupport

@testable import Tessera

extension SyntheticModel {
  /// The model on the default device, without an engine.
  func runner(
    _ configure: (inout ModelRunner.Options) -> Void = { _ in }, _ change: (inout GGUFWriter) -> Void = { _ in },
    progress: @escaping (LoadProgress) -> Void = { _ in }
  ) throws -> ModelRunner {
    var options = ModelRunner.Options()
    options.style = try LoadOptions.requestedStyle()
    configure(&options)
    return try withFile(change) { path in
      try ModelRunner(openCheckpoint(path: path), on: Device.select(nil), options: options, progress: progress)
    }
  }

  /// A Llama of one layer.
  static func oneLayer(_ writer: inout GGUFWriter) {
    writer.metadata["llama.block_count"] = .uint32(1)
    writer.tensors = writer.tensors.filter { !$0.key.hasPrefix("blk.1.") }
  }

  /// A Llama whose token 5 has an embedding of NaN.
  static func tokenOfNaN(_ writer: inout GGUFWriter) {
    var values = values(64 * vocabularyCount)
    for index in 5 * 64..<6 * 64 { values[index] = .nan }
    writer.tensors["token_embd.weight"] = .f32([64, vocabularyCount], values)
  }
}

extension SyntheticModel {
  /// A Gemma 3 of two layers, one of which has a window.
  static func twoLayers(_ writer: inout GGUFWriter) {
    writer.metadata["gemma3.block_count"] = .uint32(2)
    writer.metadata["gemma3.attention.sliding_window_pattern"] = .uint32(2)
    writer.tensors = writer.tensors.filter {
      !$0.key.hasPrefix("blk.") || $0.key.hasPrefix("blk.0") || $0.key.hasPrefix("blk.1")
    }
  }
}

/// The bits of a row of logits.
typealias Row = [UInt32]

extension ModelRunner {
  /// Runs chunks together: the wanted rows' logits.
  func rows(_ chunks: [Batch.Chunk]) throws -> [Row] {
    let batch = Batch(chunks)
    // Both ways to logits: of few rows in the step itself, of many from its hidden states.
    let result = try run(batch, wantsLogits: batch.outputCount <= min(8, logitRows))
    guard result.rowCount == batch.outputCount else { return [] }
    let size = profile.vocabularySize
    return try stride(from: 0, to: result.rowCount, by: logitRows).flatMap { first in
      let values = try logits(result, rows: first..<min(first + logitRows, result.rowCount))
      return stride(from: 0, to: values.count, by: size).map { values[$0..<$0 + size].map(\.bitPattern) }
    }
  }

  /// The logits of every token of a sequence that runs alone.
  func alone(_ tokens: [Int], source: [Int]? = nil, adapter: Int? = nil) throws -> [Row] {
    let sequence = cache.makeSequence(adapter: adapter)
    defer { sequence.close() }
    if let source { _ = try runSource(source, of: sequence) }
    return try stride(from: 0, to: tokens.count, by: chunkSize).flatMap { first in
      try rows([
        .init(sequence: sequence, tokens: Array(tokens[first..<min(first + chunkSize, tokens.count)]), outputs: .all)
      ])
    }
  }

  var freeBlocks: [Int] { cache.layout.groups.indices.map { cache.freeBlockCount(group: $0) } }
}

/// A sequence that runs piece by piece, and its logits so far.
final class Progress {
  let tokens: [Int]
  let sequence: KVSequence
  var done: Int
  var rows: [Row] = []

  init(_ tokens: [Int], _ sequence: KVSequence) {
    (self.tokens, self.sequence) = (tokens, sequence)
    done = sequence.tokenCount
  }

  var left: Int { tokens.count - done }

  /// The next tokens, at most `count`.
  func chunk(_ count: Int) -> Batch.Chunk {
    defer { done += min(count, left) }
    return .init(sequence: sequence, tokens: Array(tokens[done..<min(done + count, tokens.count)]), outputs: .all)
  }

  /// Runs pieces of several sequences together, `counts` tokens of each.
  static func run(_ pieces: [(progress: Progress, count: Int)], on runner: ModelRunner) throws {
    let chunks = pieces.filter { $0.progress.left > 0 }.map { ($0.progress, $0.progress.chunk($0.count)) }
    guard !chunks.isEmpty else { return }
    var rows = try runner.rows(chunks.map(\.1))[...]
    for (progress, chunk) in chunks {
      progress.rows += rows.prefix(chunk.tokens.count)
      rows = rows.dropFirst(chunk.tokens.count)
    }
  }
}
