import Foundation
import TesseraSystem

/// One block's file.
///
/// Little-endian: "TKVS", UInt32 version, SHA-256 of the layout, the block's key, its parent's key (zeros where it has none), UInt64
/// bytes, checksum, the bytes. The checksum is SHA-256 of all that is before it and of the SHA-256 of each MiB of the bytes, so
/// that cores can share the work.
struct DiskBlockFile {
  /// Of the format; folders have it in their names.
  static let version: UInt32 = 1
  static let headerBytes = 4 + 4 + 3 * digestBytes + 8 + digestBytes

  private static let digestBytes = KVBlockKey.byteCount
  private static let magic = Array("TKVS".utf8)

  /// What reading a file comes to.
  enum Reading: Equatable {
    case found(KVStoredBlock)
    case absent
    /// Damaged, cut short, another's, or no file: it can go.
    case invalid
    case failed(ReadingProblem)
  }

  let key: KVBlockKey
  let layoutDigest: [UInt8]

  /// The file's bytes before the checksum.
  private func fields(_ parent: KVBlockKey?, _ count: Int) -> [UInt8] {
    func number(_ value: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    return Self.magic + number(UInt64(Self.version), 4) + layoutDigest + key.bytes
      + (parent?.bytes ?? [UInt8](repeating: 0, count: Self.digestBytes)) + number(UInt64(count), 8)
  }

  /// Writes a block in one step, so that no reader sees half of it.
  func write(_ block: KVStoredBlock, to path: String) throws(FileError) {
    let digests = block.bytes.withUnsafeBytes { bytes in
      PieceDigests.make(bytes.count) { range, take in take(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }
    let fields = fields(block.parent, block.bytes.count)
    let file = try AtomicFile(path: path, isPrivate: true)
    try file.append(fields + Fingerprint(fields + digests).bytes)
    try file.append(block.bytes)
    try file.commit()
  }

  /// Reads a block, which then counts as used now.
  ///
  /// - Parameter limit: more bytes than that no block has.
  func read(_ path: String, limit: Int) -> Reading {
    // O_NONBLOCK: a pipe in the file's place must not hold the program up.
    let number = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard number >= 0 else {
      return errno == ENOENT || errno == ENOTDIR ? .absent : errno == ELOOP ? .invalid : .failed(.failed(errno))
    }
    defer { close(number) }
    var status = stat()
    guard fstat(number, &status) == 0 else { return .failed(.failed(errno)) }
    // What others may write could be anything, with any checksum.
    guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & (S_IWGRP | S_IWOTH) == 0,
      let size = Int(exactly: status.st_size), size >= Self.headerBytes, size - Self.headerBytes <= limit
    else { return .invalid }
    var header = [UInt8](repeating: 0, count: Self.headerBytes)
    if let problem = header.withUnsafeMutableBytes({ FileDescriptor.fill($0, from: number, at: 0) }) {
      return Self.reading(problem)
    }
    let parent = Self.parent(in: header)
    let fields = fields(parent, size - Self.headerBytes)
    guard header.starts(with: fields) else { return .invalid }
    return payload(
      of: number, count: size - Self.headerBytes, fields: fields, checksum: header[fields.count...], parent)
  }

  private func payload(
    of number: Int32, count: Int, fields: [UInt8], checksum: ArraySlice<UInt8>, _ parent: KVBlockKey?
  ) -> Reading {
    let problems = FirstProblem()
    var digests: [UInt8] = []
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
      let bytes = UnsafeMutableRawBufferPointer(memory)
      digests = PieceDigests.make(count) { range, take in
        let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
        problems.note(FileDescriptor.fill(piece, from: number, at: Self.headerBytes + range.lowerBound))
        // Hashed while it is still in the core's cache.
        if problems.first == nil { take(UnsafeRawBufferPointer(piece)) }
      }
      initialized = problems.first == nil ? count : 0
    }
    if let problem = problems.first { return Self.reading(problem) }
    guard Fingerprint(fields + digests).bytes[...] == checksum else { return .invalid }
    // Where that is not allowed, the block only goes sooner.
    _ = futimens(number, nil)
    return .found(KVStoredBlock(parent: parent, bytes: bytes, tier: .disk))
  }

  /// The parent that a file's header names; nil also where there is no header.
  static func parent(ofFileAt path: String) -> KVBlockKey? {
    let number = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard number >= 0 else { return nil }
    defer { close(number) }
    var header = [UInt8](repeating: 0, count: headerBytes)
    let problem = header.withUnsafeMutableBytes { FileDescriptor.fill($0, from: number, at: 0) }
    return problem == nil && header.starts(with: magic) ? parent(in: header) : nil
  }

  private static func parent(in header: [UInt8]) -> KVBlockKey? {
    let start = magic.count + 4 + 2 * digestBytes
    let bytes = header[start..<start + digestBytes]
    return bytes.allSatisfy { $0 == 0 } ? nil : KVBlockKey(bytes)
  }

  private static func reading(_ problem: ReadingProblem) -> Reading { problem == .ended ? .invalid : .failed(problem) }
}
