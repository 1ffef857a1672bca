#if CLBlast
  import CCLBlast
  import COpenCL

  extension Queue {
    /// `c = a · bᵀ` of float32 matrices through CLBlast (Nugteren 2018), where its tuned kernels beat Tessera's own.
    ///
    /// CLBlast chooses the order of its sums by shape: results are as exact as float32 allows, but not the same bits
    /// for every batch, so the models do not use it.
    ///
    /// - Parameters:
    ///   - a: (rows, inner), row-major.
    ///   - b: (columns, inner), row-major.
    ///   - c: (rows, columns), row-major; overwritten.
    /// - Throws: `CLError` if a buffer is too small for its shape or of another context, or CLBlast refuses.
    package func denseProduct(
      _ a: Buffer, _ b: Buffer, into c: Buffer, rows: Int, columns: Int, inner: Int
    ) throws(CLError) {
      for (buffer, height, width, name) in [(a, rows, inner, "a"), (b, columns, inner, "b"), (c, rows, columns, "c")] {
        try checkUse(buffer, 0, 0, "CLBlastSgemm")
        let (elements, overflow) = height.multipliedReportingOverflow(by: width)
        guard height > 0, width > 0, !overflow, elements <= buffer.byteCount / 4 else {
          throw CLError(
            .outOfBounds, "matrix \(name) of \(height) × \(width) floats in \(buffer.byteCount) bytes",
            call: "CLBlastSgemm")
        }
      }
      let status = withHandle { queue in
        var queue: cl_command_queue? = queue
        return CLBlastSgemm(
          CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, rows, columns, inner, 1, a.handle, 0, inner,
          b.handle, 0, inner, 0, c.handle, 0, columns, &queue, nil)
      }
      guard status == CLBlastSuccess else {
        throw CLError(status: Int32(status.rawValue), call: "CLBlastSgemm", about: "\(rows) × \(columns) × \(inner)")
      }
    }
  }
#endif
