import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference

extension DoctorBench {
  /// Norms, activations and the soft cap.
  func rowChecks() -> [DoctorCheck] {
    var checks = [
      check("norm/rmsnorm", "rows of 15 to 1000", tolerance: 1e-6) { [self] in
        try [15, 64, 576, 1000].map { columns in
          let (x, weight) = (values(2 * columns, seed: 1), values(columns, seed: 2))
          let y = try output(2 * columns)
          try RMSNorm(library).enqueue(
            buffer(x), weight: buffer(weight), into: y, rows: .init(columns: columns), count: 2, epsilon: 1e-5,
            on: queue)
          let expected = try ReferenceRMSNorm.normalize(
            x: x, weight: weight, rowCount: 2, columnCount: columns, epsilon: 1e-5
          ).normalized
          return doctorError(try floats(y), expected, relativeTo: expected.map(abs))
        }
      },
      check("activation/soft_cap", "cap 30", tolerance: 2e-6) { [self] in
        let x = values(100, seed: 3)
        let y = try buffer(x)
        try SoftCap(library).enqueue(y, cap: 30, size: x.count, on: queue)
        return [doctorError(try floats(y), try ReferenceSoftCap.apply(x, cap: 30), relativeTo: x.map(abs))]
      },
    ]
    let functions: [(Activation.Function, ReferenceGatedActivation, String)] = [
      (.silu, .swiGLU, "SwiGLU"), (.geluTanh, .geGLU, "GeGLU"),
    ]
    for (function, reference, name) in functions {
      checks.append(
        check("activation/activation", name, tolerance: 2e-6) { [self] in
          let (gate, up) = (values(100, seed: 4), values(100, seed: 5))
          let y = try output(100)
          try Activation(library).enqueue(
            buffer(gate + up), into: y, rows: 1, size: 100, function: function, isGated: true, on: queue)
          return [
            doctorError(
              try floats(y), try reference.apply(gate: gate, up: up), relativeTo: zip(gate, up).map { abs($0 * $1) })
          ]
        })
    }
    return checks
  }

  /// Rotated queries, and keys in the cache.
  func rotaryChecks() -> [DoctorCheck] {
    let pairings: [(RotaryTable.Pairing, ReferenceRotaryEmbedding.Pairing, String)] = [
      (.interleaved, .interleaved, "interleaved pairs"), (.neox, .neox, "halves"),
    ]
    return pairings.map { pairing, reference, name in
      check("rope/rope_store", name, tolerance: 1e-6) { [self] in
        let (heads, kvHeads, headDim, position, slot) = (4, 2, 64, 1000, 21)
        let qkv = values((heads + 2 * kvHeads) * headDim, seed: 6)
        let q = try buffer(qkv)
        let (keys, values) = (try output(2 * 16 * kvHeads * headDim), try output(2 * 16 * kvHeads * headDim))
        let table = try RotaryTable(rotaryDim: headDim, ropeTheta: 10_000)
        try RotaryStore(library).enqueue(
          q, rotation: buffer(table.rows(at: [position])), slots: buffer([UInt32(slot)]), keys: keys,
          values: values, tokens: 1, headCount: heads, rotaryDim: headDim, pairing: pairing,
          cache: .init(kvHeadCount: kvHeads, headDim: headDim, blockCount: 2, blockSize: 16), on: queue)
        let rotary = try ReferenceRotaryEmbedding(pairing: reference, rotaryDim: headDim, base: 10_000)
        let expected = try rotary.apply(
          qkv, positions: [position], headCount: heads + 2 * kvHeads, headDim: headDim)
        let geometry = try KVGeometry(kvHeadCount: kvHeads, keyDim: headDim)
        let (keyPool, valuePool) = (try floats(keys), try floats(values))
        var (keyRow, valueRow): ([Float], [Float]) = ([], [])
        for head in 0..<kvHeads {
          for i in 0..<headDim {
            keyRow.append(keyPool[geometry.keyOffset(kvHead: head, slot: slot, element: i, slotCount: 32)])
            valueRow.append(valuePool[geometry.valueOffset(kvHead: head, slot: slot, element: i, slotCount: 32)])
          }
        }
        let (keyStart, valueStart) = (heads * headDim, (heads + kvHeads) * headDim)
        // A pair's elements are under 12 each.
        let magnitude = [Float](repeating: 12, count: valueStart)
        return [
          doctorError(
            try Array(floats(q)[..<keyStart]), Array(expected[..<keyStart]),
            relativeTo: Array(magnitude[..<keyStart])),
          doctorError(keyRow, Array(expected[keyStart..<valueStart]), relativeTo: Array(magnitude[keyStart...])),
          doctorDifference(valueRow, Array(qkv[valueStart...])),
        ]
      }
    }
  }

  /// Choices of tokens: the share of ids that differ.
  func samplingChecks() -> [DoctorCheck] {
    [
      check("sampling", "greedy and the likeliest 1 to 256 of 5000", tolerance: 0) { [self] in
        var logits = values(5000, seed: 7)
        logits.replaceSubrange(100..<200, with: repeatElement(11, count: 100))
        return try [1, 40, 256].map { count in
          var row = SamplingRow()
          row.topTokens = count
          let request = try SamplingRequest([row], vocabularySize: logits.count)
          let results = try Buffer(queue.context, byteCount: request.resultCount * 4)
          let sampler = TokenSampler(library)
          let inputs = try Buffer(queue.context, byteCount: request.words.count * 4)
          try queue.write(request.words, to: inputs)
          try sampler.enqueue(
            request, logits: buffer(logits), inputs: inputs,
            workspace: Buffer(queue.context, byteCount: request.workspaceBytes), results: results, on: queue)
          let choice = try sampler.read(request, results: results, from: queue).first
          let expected = try ReferenceSampling.topK(logits, count: count)
          guard let choice, choice.topTokens.count == expected.count, choice.id == expected.first?.id else {
            return .infinity
          }
          let wrong = zip(choice.topTokens, expected).filter { $0.id != $1.id }
          return Double(wrong.count) / Double(count)
        }
      }
    ]
  }

  private func values(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return generator.floats(count, magnitude: 12)
  }
}
