import TesseraOperators

extension Case {
  /// A file's matrix into the device's layout; the copy from the host is not part of the time.
  static func repacking() -> [Case] {
    let (rows, columns) = (1024, 4096)
    return WeightFormat.allCases.map { format in
      let shape = try? WeightShape(format: format, rows: rows, columns: columns)
      return Case(
        id: "repack/\(format.name)/\(rows)x\(columns)", bytes: 2 * (shape?.byteCount ?? 0), memoryRoof: .copy,
        isQuick: format.name == "Q8_0"
      ) { bench in
        let bytes = try bench.fileRows(format, rows: rows, columns: columns)
        let matrix = try WeightMatrix(
          WeightShape(format: format, rows: rows, columns: columns), heap: bench.work.heap, label: "weights")
        let upload = try WeightUpload(bench.library, queue: bench.queue, heap: bench.work.heap)
        return Prepared { _ in try bytes.withUnsafeBytes { try upload.upload($0, rows: rows, into: matrix) } }
      }
    }
  }
}
