import TesseraCL
import TesseraMemory
import TesseraOperators
import TesseraReference
import TesseraWorkbench

extension DoctorBench {
  private static let prompts: [AttentionProblem.Sequence] = [
    .init(history: 50, count: 20), .init(history: 270, count: 2),
  ]

  /// Shapes that models use, and every form.
  static let attentions: [AttentionProblem] = [
    .init(heads: 9, kvHeads: 3, headDim: 64, sequences: prompts),
    .init(heads: 2, kvHeads: 2, headDim: 32, window: 5, sequences: prompts),
    .init(heads: 4, kvHeads: 2, headDim: 96, softCap: 30, sequences: prompts),
    .init(heads: 4, kvHeads: 1, headDim: 128, keys: .f16, sequences: prompts),
    .init(heads: 4, kvHeads: 1, headDim: 256, window: 64, keys: .f16, sequences: prompts),
    .init(heads: 9, kvHeads: 3, headDim: 64, keys: .q8_0, sequences: prompts),
    .init(heads: 4, kvHeads: 1, headDim: 128, keys: .q4_0, sequences: prompts),
    .init(heads: 4, kvHeads: 2, headDim: 80, keys: .q8_0, values: .f16, sequences: prompts),
    // Encoders, with a relative bias too; ALiBi; sinks, kept and learned; a tree.
    .init(heads: 4, kvHeads: 4, headDim: 32, mask: .full, sequences: prompts),
    .init(heads: 4, kvHeads: 4, headDim: 64, mask: .full, hasBias: true, sequences: prompts),
    .init(heads: 4, kvHeads: 4, headDim: 64, hasBias: true, sequences: prompts),
    .init(heads: 4, kvHeads: 4, headDim: 64, hasSlopes: true, sequences: prompts),
    .init(heads: 4, kvHeads: 2, headDim: 64, window: 40, sinkKeys: 4, hasSinks: true, sequences: prompts),
    .init(heads: 4, kvHeads: 2, headDim: 64, mask: .tree(words: 1), sequences: prompts),
    // Values that are keys.
    .init(heads: 8, kvHeads: 1, headDim: 576, valueDim: 512, keys: .f16, sharesValues: true, sequences: prompts),
  ]

  /// Attention in fast mode, where the device has it: relative to Σ p|v|, and any tile and split the same bits.
  func fastAttentionChecks() throws -> [DoctorCheck] {
    guard let fast = try FastProduct(library, tiles: plan().matrix), fast.dot == .tensor else { return [] }
    return [64, 128].map { size in
      let problem = AttentionProblem(heads: 6, kvHeads: 2, headDim: size, keys: .f16, sequences: Self.prompts)
      return check("attention/flash_attention.ptx", "\(problem)", tolerance: 4e-3) { [self] in
        let (expected, magnitude, _) = try problem.reference()
        let together = try problem.run(tensor: fast.dot, on: self)
        let alone = try problem.run(isOneByOne: true, splits: 2, tensor: fast.dot, on: self)
        return [worstError(together, expected, relativeTo: magnitude), sameBits(together, alone) ? 0 : 1]
      }
    }
  }

  /// Attention as prompts, token by token and with its keys split, relative to Σ p|v|, and logarithms of sums; and the merge of
  /// attentions over parts of the keys.
  func attentionChecks(_ grid: DoctorGrid) -> [DoctorCheck] {
    let forms = grid.attention.map { problem in
      check("attention/flash_attention", "\(problem)", tolerance: 1e-5) { [self] in
        let (expected, magnitude, logSums) = try problem.reference()
        let ones = [Float](repeating: 1, count: logSums.count)
        let runs = [(false, nil), (true, nil), (false, 2)] as [(Bool, Int?)]
        return try runs.flatMap { isOneByOne, splits in
          let result = try problem.runWithSums(isOneByOne: isOneByOne, splits: splits, on: self)
          return [
            worstError(result.out, expected, relativeTo: magnitude),
            worstError(result.logSums, logSums, relativeTo: ones),
          ]
        }
      }
    }
    let merge = check("attention/merge", "two parts of 90 keys", tolerance: 1e-5) { [self] in
      let (heads, size, count) = (4, 32, 90)
      let whole = AttentionProblem(
        heads: heads, kvHeads: heads, headDim: size, sequences: [.init(history: count - 1, count: 1)])
      let (expected, magnitude, logSums) = try whole.reference()
      let parts = try [(nil, 30), (60, count)].map { window, keys in
        try whole.part(window: window, keyCount: keys).runWithSums(on: self)
      }
      let (out, sums) = (try output(heads * size), try output(heads))
      try FlashAttention(library, tiles: plan(headDim: size).attention).enqueueMerge(
        results: buffer(parts.flatMap(\.out)), logSums: buffer(parts.flatMap(\.logSums)), parts: 2, rows: heads,
        valueDim: size, into: out, outLogSums: sums, on: queue)
      return [
        worstError(try floats(out), expected, relativeTo: magnitude),
        worstError(try floats(sums), logSums, relativeTo: [Float](repeating: 1, count: heads)),
      ]
    }
    return forms + [merge]
  }
}
