import Foundation

/// Where PoCL keeps what it compiles. It offers no device where it cannot make that folder, so it is given another:
/// in containers the home folder is often read-only.
///
/// Source: PoCL's documentation, "Environment variables" (`POCL_CACHE_DIR`).
struct DriverCache {
  var environment: [String: String]
  /// The folders to take instead, the first that can be had.
  var candidates: [URL]

  init(
    environment: [String: String] = ProcessInfo.processInfo.environment, cache: URL = CacheFolder.url,
    temporary: URL = FileManager.default.temporaryDirectory
  ) {
    self.environment = environment
    candidates = [cache.appendingPathComponent("pocl"), temporary.appendingPathComponent("tessera-pocl-\(geteuid())")]
  }

  private static let variable = "POCL_CACHE_DIR"

  /// Tells the driver, once in a process; to be called before the loader loads it.
  static func prepare() { _ = prepared }
  private static let prepared: Void = {
    let cache = DriverCache()
    // PoCL 3.1 ends the process where the variable is there and empty.
    if !cache.isChosen { unsetenv(variable) }
    guard let folder = cache.replacement else { return }
    setenv(variable, folder.path, 1)
    Notes.logger.info("PoCL cannot write \(cache.folder.path): it keeps what it compiles in \(folder.path)")
  }()

  /// The folder that the driver takes by itself.
  var folder: URL {
    if isChosen, let path = environment[Self.variable] { return URL(fileURLWithPath: path) }
    if let path = environment["XDG_CACHE_HOME"], !path.isEmpty { return URL(fileURLWithPath: path + "/pocl/kcache") }
    return URL(fileURLWithPath: environment["HOME"].map { $0 + "/.cache/pocl/kcache" } ?? "/tmp/pocl/kcache")
  }

  /// Whether the user has said where.
  var isChosen: Bool { environment[Self.variable].map { !$0.isEmpty } ?? false }

  /// A folder for the driver where its own cannot be written and the user has set none; nil where none is needed, or
  /// none can be had.
  var replacement: URL? {
    guard !isChosen, !Self.canWrite(folder) else { return nil }
    return candidates.first(where: Self.makePrivate)
  }

  /// Advice for an error that says that there is no device.
  var advice: String? {
    guard !Self.canWrite(folder) else { return nil }
    return "PoCL, where it is installed, has no device while it cannot write its cache folder, \(folder.path): set "
      + "\(Self.variable) to one that can be written"
  }

  /// Whether a folder can be written, or made.
  static func canWrite(_ folder: URL) -> Bool {
    var url = folder.standardizedFileURL
    var status = stat()
    while stat(url.path, &status) != 0 {
      guard errno == ENOENT, url.path != "/" else { return false }
      url.deleteLastPathComponent()
    }
    guard status.st_mode & S_IFMT == S_IFDIR, access(url.path, W_OK | X_OK) == 0 else { return false }
    // Permissions do not tell root what a file system refuses.
    let probe = url.appendingPathComponent(".tessera-\(UUID().uuidString)").path
    return mkdir(probe, 0o700) == 0 && rmdir(probe) == 0
  }

  /// Makes a folder that nobody else can write: the driver runs what it finds in it.
  static func makePrivate(_ folder: URL) -> Bool {
    try? FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var status = stat()
    return lstat(folder.path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
      && status.st_mode & 0o022 == 0 && access(folder.path, W_OK | X_OK) == 0
  }
}
