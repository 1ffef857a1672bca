import Foundation

/// Where Tessera keeps what can be made again.
public enum CacheFolder {
  /// `$TESSERA_CACHE`, else `$XDG_CACHE_HOME/tessera`, else `~/.cache/tessera`.
  public static var url: URL {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment["TESSERA_CACHE"], !path.isEmpty { return URL(fileURLWithPath: path) }
    if let path = environment["XDG_CACHE_HOME"], !path.isEmpty {
      return URL(fileURLWithPath: path).appendingPathComponent("tessera")
    }
    let home = environment["HOME"].map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
    return home.appendingPathComponent(".cache/tessera")
  }
}
