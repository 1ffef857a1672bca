import Foundation
import Testing

@testable import TesseraFiles

@Suite("NumPy files")
struct NPYTests {
  private let ramp = (0..<15).map { Float($0) * 0.25 }

  @Test("written files equal numpy's byte for byte")
  func equalBytes() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.npy"
    try NPY.write(ramp, shape: [3, 5], to: path)
    #expect(try contents(path) == contents(fixture("npy/ramp_3x5.npy")))
    try NPY.write(Array(ramp.prefix(7)), shape: [7], to: path)
    #expect(try contents(path) == contents(fixture("npy/ramp_7.npy")))
    try NPY.write([2.5], shape: [], to: path)
    #expect(try contents(path) == contents(fixture("npy/scalar.npy")))
  }

  @Test("rows appended in pieces give the same file")
  func pieces() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.npy"
    let writer = try NPYWriter(path: path, shape: [3, 5])
    try writer.append(Array(ramp[..<5]))
    #expect(try folder.names().count == 1 && !FileManager.default.fileExists(atPath: path))
    try ramp[5...].withUnsafeBufferPointer { try writer.append($0) }
    #expect(writer.remainingCount == 0)
    try writer.finish()
    #expect(try folder.names() == ["a.npy"])
    #expect(try contents(path) == contents(fixture("npy/ramp_3x5.npy")))
  }

  @Test("a writer that is dropped or not filled leaves nothing, and an old file stays")
  func unfinished() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], as: "a.npy")
    do {
      let writer = try NPYWriter(path: path, shape: [3, 5])
      try writer.append(Array(ramp[..<5]))
      expectError(.outOfRange, "lacks 10") { try writer.finish() }
      expectError(.outOfRange, "too many") { try writer.append(ramp) }
    }
    #expect(try folder.names() == ["a.npy"])
    #expect(try contents(path) == [1, 2, 3])
    expectError(.outOfRange) { try NPY.write(ramp, shape: [4, 4], to: path) }
    expectError(.outOfRange) { _ = try NPYWriter(path: path, shape: [Int.max, 2]) }
    expectError(.outOfRange) { _ = try NPYWriter(path: path, shape: [-1]) }
  }

  @Test("paths that cannot be written are refused")
  func wrongPaths() throws {
    let folder = try TemporaryFolder()
    expectError(.isFolder) { _ = try NPYWriter(path: folder.path, shape: [1]) }
    expectError(.notFound, "create it first") { _ = try NPYWriter(path: folder.path + "/absent/a.npy", shape: [1]) }
    expectError(.system, "disk is full") { try NPY.write(ramp, shape: [15], to: "/dev/full") }
  }

  @Test("a link to a file is written through, not replaced")
  func link() throws {
    let folder = try TemporaryFolder()
    let target = try folder.write([1], as: "target.npy")
    let link = folder.path + "/link.npy"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    try NPY.write([1], shape: [1], to: link)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
    #expect(try NPY.read(path: target).floats() == [1])
  }

  @Test(
    "numpy's files of every number type are read",
    arguments: [
      "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
    ])
  func types(name: String) throws {
    let array = try NPY.read(path: fixture("npy/\(name).npy"))
    #expect(array.shape == [2, 3])
    if name.hasPrefix("f") {
      #expect(try array.floats() == [0, 1, 2, 3, 4, 5])
      expectError(.wrongType) { _ = try array.ints() }
    } else {
      #expect(try array.ints() == [0, 1, 2, 3, 4, 5])
      expectError(.wrongType) { _ = try array.floats() }
    }
  }

  @Test("bools, scalars and the versions 2 and 3 are read")
  func others() throws {
    #expect(try NPY.read(path: fixture("npy/b1.npy")).ints() == [0, 1, 1, 1, 1, 1])
    #expect(try NPY.read(path: fixture("npy/scalar.npy")).shape == [])
    for version in [2, 3] {
      #expect(try NPY.read(path: fixture("npy/version\(version).npy")).floats() == Array(ramp.prefix(6)))
    }
  }

  @Test("half-precision numbers are converted exactly, all 65,536 of them")
  func halves() {
    for bits in UInt16.min...UInt16.max {
      let (sign, exponent, mantissa) = (bits >> 15, Int(bits >> 10 & 31), Double(bits & 1_023))
      let value = Float(halfBits: bits)
      if exponent == 31 {
        #expect(mantissa == 0 ? value.isInfinite : value.isNaN)
      } else {
        let magnitude = exponent == 0 ? mantissa * 0x1p-24 : (1 + mantissa / 1_024) * exp2(Double(exponent - 15))
        #expect(Double(value) == (sign == 0 ? magnitude : -magnitude))
      }
      #expect((value.sign == .minus) == (sign == 1))
    }
  }

  @Test("Fortran order, big-endian numbers, records and objects are refused")
  func unsupported() {
    expectError(.unsupportedVersion, "Fortran") { _ = try NPY.read(path: fixture("npy/fortran.npy")) }
    expectError(.unsupportedType, "'>f4'") { _ = try NPY.read(path: fixture("npy/big_endian.npy")) }
    expectError(.unsupportedType, "records") { _ = try NPY.read(path: fixture("npy/record.npy")) }
    expectError(.unsupportedType, "'|O'") { _ = try NPY.read(path: fixture("npy/object.npy")) }
    expectError(.notNPY) { _ = try NPY.read(path: fixture("numpy.gguf")) }
  }

  @Test(
    "wrong headers are refused",
    arguments: [
      "", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (4, }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,), }",
      "{'descr': '<f4', 'fortran_order': No, 'shape': (1,), }", "{'descr': '<f4", "{'other': 1}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x",
    ])
  func wrongHeaders(header: String) throws {
    let folder = try TemporaryFolder()
    let count = UInt16(header.utf8.count)
    let bytes = NPY.magic + [1, 0] + GGUFBuilder.bytes(count) + Array(header.utf8) + [0, 0, 0, 0]
    expectError(.malformed) { _ = try NPY.read(path: try folder.write(bytes)) }
  }

  @Test("files cut anywhere or with more bytes are refused, and flipped bits never end in a trap")
  func damage() throws {
    let folder = try TemporaryFolder()
    let bytes = try contents(fixture("npy/ramp_3x5.npy"))
    for count in 0..<bytes.count {
      let path = try folder.write(Array(bytes[..<count]))
      #expect(throws: FileError.self) { try NPY.read(path: path) }
    }
    expectError(.malformed, "1 bytes follow") { _ = try NPY.read(path: try folder.write(bytes + [0])) }
    for seed in 0..<1_000 {
      let path = try folder.write(flipped(Array(bytes[..<128]), seed: UInt64(seed)) + bytes[128...])
      guard let array = try? NPY.read(path: path) else { continue }
      let floats = try? array.floats()
      let ints = try? array.ints()
      #expect((floats ?? []).count + (ints ?? []).count == array.elementCount)
    }
  }
}
