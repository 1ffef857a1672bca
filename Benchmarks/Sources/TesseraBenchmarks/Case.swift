import BenchmarkReports

/// One thing to measure.
struct Case {
  /// What a case has made before it is measured.
  struct Prepared {
    /// Runs go over copies that don't fit a cache.
    var isCold = false
    var clock = CaseMeasurement.Clock.device
    /// Enqueues run `index`.
    var run: (_ index: Int) throws -> Void
  }

  /// Unique: family/variant/shape.
  var id: String
  /// The least that one run has to read and write.
  var bytes: Int
  /// Multiplications and additions of one run.
  var operations = 0
  var memoryRoof = CaseMeasurement.MemoryRoof.read
  /// Also part of a quick run.
  var isQuick = false
  var points: [CaseMeasurement.Point] = []
  var prepare: (Bench) throws -> Prepared

  /// About how long the case takes, in no unit: for the estimate of the time left.
  var weight: Double { 1 + Double(operations) / 1e9 + Double(bytes) / 1e8 }

  /// Every case, families in the order of the report.
  static func all() -> [Case] {
    products() + denseProducts() + attention() + layers() + norms() + rotary() + activations() + embeddings()
      + sampling()
      + repacking()
  }
}

extension Chart {
  static let vectorTypes = Chart(
    "vector-types", "Vector product by weight type: 1 token, 4096 × 14336, cold weights", kind: .bars,
    quantity: .byteRate)
  static let matrixTypes = Chart(
    "matrix-types", "Product by weight type: 512 tokens, 4096 × 4096", kind: .bars, quantity: .operationRate)
  static let batch = Chart(
    "batch", "Product by tokens, 4096 × 4096", xLabel: "tokens", quantity: .operationRate)
  static let prefill = Chart(
    "prefill", "Causal attention by length, 32/8 heads of 128", xLabel: "tokens", quantity: .operationRate)
  static let decode = Chart(
    "decode", "Decode attention by length, 32/8 heads of 128", xLabel: "keys", quantity: .byteRate)
  static let decodeBatch = Chart(
    "decode-batch", "Decode attention by sequences, 2K keys each, 32/8 heads of 128", xLabel: "sequences",
    quantity: .byteRate)
  static let groups = Chart(
    "groups", "Decode attention by group size, 8K keys, 32 heads of 128", xLabel: "query heads for each KV head",
    quantity: .byteRate)

  static let all = [vectorTypes, matrixTypes, batch, prefill, decode, decodeBatch, groups]
}
