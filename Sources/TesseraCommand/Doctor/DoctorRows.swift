import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference
import TesseraWorkbench

extension DoctorBench {
  /// Norms, activations, the soft cap and gathered rows.
  func rowChecks(_ grid: DoctorGrid) -> [DoctorCheck] {
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
          return worstError(try floats(y), expected, relativeTo: expected.map(abs))
        }
      },
      check("norm/layernorm", "rows of 15 to 1000, with a bias and a residual", tolerance: 4e-6) { [self] in
        try [15, 64, 576, 1000].map { columns in
          let (x, weight, bias) = (values(2 * columns, seed: 1), values(columns, seed: 2), values(columns, seed: 8))
          let residual = values(2 * columns, seed: 9)
          let y = try output(2 * columns)
          try LayerNorm(library).enqueue(
            buffer(x), weight: buffer(weight), bias: buffer(bias), into: y, rows: .init(columns: columns), count: 2,
            epsilon: 1e-5, residual: buffer(residual), on: queue)
          let expected = try ReferenceLayerNorm.normalize(
            x: x, weight: weight, bias: bias, rowCount: 2, columnCount: columns, epsilon: 1e-5, residual: residual)
          // A normalized element is up to 2 of these; products, biases and residuals up to 12 each.
          return worstError(try floats(y), expected, relativeTo: [Float](repeating: 48, count: expected.count))
        }
      },
      check("rows/gather_rows", "4 of 3 rows of 51", tolerance: 0) { [self] in
        let (x, indices) = (values(3 * 51, seed: 10), [2, 0, 2, 1])
        let y = try output(4 * 64)
        try RowGather(library).enqueue(
          buffer(x), indices: buffer(indices.map { UInt32($0) }), into: y, rows: 4, columns: 51, yStride: 64, on: queue)
        let expected = indices.flatMap {
          Array(x[$0 * 51..<($0 + 1) * 51]) + [Float](repeating: 0, count: 13)
        }
        return [doctorDifference(try floats(y), expected)]
      },
      check("activation/soft_cap", "cap 30", tolerance: 2e-6) { [self] in
        let x = values(100, seed: 3)
        let y = try buffer(x)
        try SoftCap(library).enqueue(y, cap: 30, size: x.count, on: queue)
        return [worstError(try floats(y), try ReferenceSoftCap.apply(x, cap: 30), relativeTo: x.map(abs))]
      },
    ]
    for function in grid.activations {
      checks.append(
        check("activation/activation", "\(function), alone and as a gate", tolerance: 2e-6) { [self] in
          let (gate, up) = (values(100, seed: 4), values(100, seed: 5))
          let reference = try function.reference
          let activated = gate.map { reference(Double($0)) }
          // Of x, or of what its square makes.
          let magnitude = gate.map { max(1, abs($0), function == .reluSquared ? $0 * $0 : 0) }
          let (alone, gated) = (try output(100), try output(100))
          try Activation(library).enqueue(buffer(gate), into: alone, rows: 1, size: 100, function: function, on: queue)
          try Activation(library).enqueue(
            buffer(gate + up), into: gated, rows: 1, size: 100, function: function, isGated: true, on: queue)
          return [
            worstError(try floats(alone), activated.map { Float($0) }, relativeTo: magnitude),
            worstError(
              try floats(gated), zip(gate, up).map { Float(reference.gated(Double($0), Double($1))) },
              relativeTo: zip(magnitude, up).map { $0 * (abs($1) + (function == .clampedQuickGelu ? 1 : 0)) }),
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
          q, rotation: .init(buffer(table.rows(at: [0, position])), at: buffer([UInt32(1)])),
          slots: buffer([UInt32(slot)]), keys: keys,
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
            let place = geometry.keyOffset(
              kvHead: head, slot: slot, element: i, slotCount: 32, style: library.style)
            keyRow.append(keyPool[place])
            valueRow.append(valuePool[geometry.valueOffset(kvHead: head, slot: slot, element: i, slotCount: 32)])
          }
        }
        let (keyStart, valueStart) = (heads * headDim, (heads + kvHeads) * headDim)
        // A pair's elements are under 12 each.
        let magnitude = [Float](repeating: 12, count: valueStart)
        return [
          worstError(
            try Array(floats(q)[..<keyStart]), Array(expected[..<keyStart]),
            relativeTo: Array(magnitude[..<keyStart])),
          worstError(keyRow, Array(expected[keyStart..<valueStart]), relativeTo: Array(magnitude[keyStart...])),
          doctorDifference(valueRow, Array(qkv[valueStart...])),
        ]
      }
    }
  }

  func values(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return generator.floats(count, magnitude: 12)
  }
}
