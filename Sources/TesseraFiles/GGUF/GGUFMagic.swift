extension GGUFCursor {
  /// Reads the four letters and the version that begin every GGUF file.
  ///
  /// - Throws: `FileError` `.notGGUF` with what the file seems to be, or `.unsupportedVersion`.
  mutating func versionAfterMagic() throws(FileError) -> Int {
    guard file.contents.starts(with: "GGUF".utf8) else {
      throw FileError(.notGGUF, path: file.path, "this is not a GGUF file\(GGUFCursor.guess(file.contents))")
    }
    _ = try take(4, "the letters GGUF")
    let version = try integer(UInt32.self, "the version")
    switch version {
    case 2, 3:
      return Int(version)
    case 0x0100_0000, 0x0200_0000, 0x0300_0000:
      throw error(
        .unsupportedVersion, "the version",
        "shows a big-endian file, and only little-endian ones can be read: get the usual file, "
          + "or convert it with gguf_convert_endian.py of llama.cpp")
    case 1:
      throw error(
        .unsupportedVersion, "the version", "is 1, and only 2 and 3 can be read: get a newer file of this model")
    default:
      throw error(
        .unsupportedVersion, "the version",
        "is \(version), and only 2 and 3 can be read: the file is damaged, or newer than this reader")
    }
  }

  /// The format that a file which is not GGUF seems to have, with the remedy.
  private static func guess(_ bytes: UnsafeRawBufferPointer) -> String {
    func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    if bytes.count < 4, "GGUF".utf8.starts(with: bytes) { return ": it ends within the first word, download it again" }
    if begins("version https://git-lfs") { return " but a Git LFS pointer: fetch the real file with 'git lfs pull'" }
    if begins("<!") || begins("<html") || begins("<HTML") { return " but a web page: check the download address" }
    if begins("lmgg") || begins("fmgg") || begins("tjgg") {
      return " but in the older GGML format: convert the model again with a current llama.cpp"
    }
    if begins("PK") || begins("\u{1F}") { return " but an archive: unpack it, or convert the model to GGUF" }
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
      return " but seems to be safetensors: name its folder, or convert it to GGUF"
    }
    return ": it does not begin with the letters GGUF; name a GGUF model file"
  }
}
