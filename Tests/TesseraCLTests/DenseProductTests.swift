#if CLBlast
  import TestSupport
  import Testing

  @testable import TesseraCL

  extension OpenCLOnDevices {
    @Suite("Dense products through CLBlast")
    struct DenseProductTests {
      @Test("a product equals plain loops", arguments: TestDevices.all)
      func equalsLoops(device: TestDevice) throws {
        let context = try device.context()
        let queue = try Queue(context)
        let (rows, columns, inner) = (5, 7, 33)
        let a = (0..<rows * inner).map { Float($0 % 11) - 5 }
        let b = (0..<columns * inner).map { Float($0 % 7) - 3 }
        let buffers = try [a.count, b.count, rows * columns].map { try Buffer(context, byteCount: $0 * 4) }
        try queue.write(a, to: buffers[0])
        try queue.write(b, to: buffers[1])
        try queue.denseProduct(buffers[0], buffers[1], into: buffers[2], rows: rows, columns: columns, inner: inner)
        let c = try queue.read(buffers[2], as: Float.self, count: rows * columns)
        for row in 0..<rows {
          for column in 0..<columns {
            // Small whole numbers: every order of the sum is exact.
            let expected = (0..<inner).reduce(Float(0)) { $0 + a[row * inner + $1] * b[column * inner + $1] }
            #expect(c[row * columns + column] == expected)
          }
        }
      }

      @Test("a matrix of another context is refused", arguments: TestDevices.all)
      func refusesOtherContexts(device: TestDevice) throws {
        let queue = try Queue(device.context())
        let own = try Buffer(queue.context, byteCount: 64)
        let foreign = try Buffer(Context(queue.context.device), byteCount: 64)
        for (a, b, c) in [(foreign, own, own), (own, foreign, own), (own, own, foreign)] {
          let error = try clError { try queue.denseProduct(a, b, into: c, rows: 4, columns: 4, inner: 4) }
          #expect(error.code == .badLaunch)
        }
      }

      @Test("a matrix larger than its buffer is refused", arguments: TestDevices.all)
      func refusesSmallBuffers(device: TestDevice) throws {
        let context = try device.context()
        let buffer = try Buffer(context, byteCount: 64)
        #expect(throws: CLError.self) {
          try Queue(context).denseProduct(buffer, buffer, into: buffer, rows: 4, columns: 4, inner: 5)
        }
      }
    }
  }
#endif
