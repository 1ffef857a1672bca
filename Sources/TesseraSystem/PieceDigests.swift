import Dispatch

/// SHA-256 of each MiB of many bytes, made on all cores: what stands for the bytes in a fingerprint.
package enum PieceDigests {
  private static let pieceBytes = 1 << 20
  private static let digestBytes = 32

  /// The digests, one behind the other.
  ///
  /// - Parameters:
  ///   - count: of the bytes.
  ///   - piece: calls what it is given with the bytes of a range; is called on several threads at once.
  package static func make(_ count: Int, _ piece: (Range<Int>, (UnsafeRawBufferPointer) -> Void) -> Void) -> [UInt8] {
    let pieces = (count + pieceBytes - 1) / pieceBytes
    var digests = [UInt8](repeating: 0, count: pieces * digestBytes)
    digests.withUnsafeMutableBytes { digests in
      // Each call writes its own place.
      nonisolated(unsafe) let digests = digests
      withoutActuallyEscaping(piece) { piece in
        nonisolated(unsafe) let piece = piece
        DispatchQueue.concurrentPerform(iterations: pieces) { index in
          piece(index * pieceBytes..<min((index + 1) * pieceBytes, count)) { bytes in
            var builder = FingerprintBuilder()
            builder.append(bytes)
            let place = digests[index * digestBytes..<(index + 1) * digestBytes]
            UnsafeMutableRawBufferPointer(rebasing: place).copyBytes(from: builder.finish().bytes)
          }
        }
      }
    }
    return digests
  }
}

extension FileDescriptor {
  /// A fingerprint of the file's contents, whatever is at its path by now. Its bytes are read on all cores, and do not stay in memory.
  ///
  /// - Throws: `FileError` `.system` or `.truncated` where it cannot be read to its end.
  package borrowing func fingerprint() throws(FileError) -> Fingerprint {
    let count = Int(try status().st_size)
    let (number, problems) = (number, FirstProblem())
    let digests = PieceDigests.make(count) { range, take in
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 16)
      defer { memory.deallocate() }
      problems.note(FileDescriptor.fill(memory, from: number, at: range.lowerBound))
      if problems.first == nil { take(UnsafeRawBufferPointer(memory)) }
    }
    if let problem = problems.first { throw problem.error(path) }
    var builder = FingerprintBuilder()
    builder.append(UInt64(count))
    digests.withUnsafeBytes { builder.append($0) }
    return builder.finish()
  }
}
