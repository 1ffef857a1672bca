import TesseraFiles
import TesseraOperators

/// A tensor of a checkpoint as a family declares it: its names under both schemes, and how it is brought into shape.
struct Parameter: Sendable {
  /// Full names, `weight` or `bias` included; nil: the scheme does not have it.
  var name: String?
  var gguf: String?
  /// Rows of the stored tensor that belong to it, and how many that has; nil: all.
  var slice: (rows: Range<Int>, of: Int)?
  /// Where only some of the slice's rows do: the first `length` of every `stride`.
  var runs: (length: Int, stride: Int)?
  /// Rows of the stored tensor, of so many, that are the matrix's columns; its rows, or the slice of them, are then that one's columns.
  var columnRows: (rows: Range<Int>, of: Int)?
  /// Stored as (columns, rows).
  var isTransposed = false
  /// Each stored row of floats is to be divided by its length (Baichuan 2's output).
  var isNormalized = false
  /// Added to each value (Gemma's norms in Hugging Face's scheme).
  var offset: Float = 0

  /// The rows of the stored tensor that belong to it, in order, where that has so many.
  func storedRows(of count: Int) -> StridedRows {
    let rows = slice?.rows ?? 0..<count
    return runs.map { StridedRows(rows, length: $0.length, every: $0.stride) } ?? StridedRows(rows)
  }

  func name(in hyperparameters: Hyperparameters) -> String? { hyperparameters.isGGUF ? gguf : name }
}

/// How a layer's biases are stored.
enum BiasRule: Sendable {
  case none
  case ifPresent
  case required
}
