import TesseraCL
import TesseraOperators

extension Case {
  static func sampling() -> [Case] {
    let greedy = SamplingRow()
    var drawn = SamplingRow()
    (drawn.temperature, drawn.topK, drawn.topP, drawn.minP) = (1, 40, 0.95, 0.05)
    return [
      ("greedy", greedy, 1, 128_256), ("drawn", drawn, 1, 49_152), ("drawn", drawn, 1, 128_256),
      ("drawn", drawn, 1, 262_144), ("greedy", greedy, 16, 128_256), ("drawn", drawn, 16, 128_256),
    ].map { name, row, rows, vocabulary in
      Case(
        id: "sampling/\(name)/\(rows)x\(vocabulary)", bytes: 4 * rows * vocabulary,
        isQuick: rows == 1 && vocabulary == 128_256
      ) { bench in
        let logits = try bench.floats(rows * vocabulary)
        let request = try SamplingRequest(Array(repeating: row, count: rows), vocabularySize: vocabulary)
        let context = bench.queue.context
        let inputs = try Buffer(context, byteCount: request.words.count * 4)
        let workspace = try Buffer(context, byteCount: request.workspaceBytes)
        let results = try Buffer(context, byteCount: request.resultCount * 4)
        try bench.queue.write(request.words, to: inputs)
        let sampler = TokenSampler(bench.library)
        return Prepared { _ in
          try sampler.enqueue(
            request, logits: logits, inputs: inputs, workspace: workspace, results: results, on: bench.queue)
        }
      }
    }
  }
}
