import Foundation

/// Where Tessera keeps what can be made again.
package enum CacheFolder {
  /// `$TESSERA_CACHE`, else `$XDG_CACHE_HOME/tessera`, else `~/.cache/tessera`.
  package static var url: URL { url(in: ProcessInfo.processInfo.environment) }

  static func url(in environment: [String: String]) -> URL {
    if let path = environment["TESSERA_CACHE"], !path.isEmpty { return URL(fileURLWithPath: path) }
    // The XDG base directory specification has relative paths ignored.
    if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") {
      return URL(fileURLWithPath: path).appendingPathComponent("tessera")
    }
    if let home = environment["HOME"], !home.isEmpty {
      return URL(fileURLWithPath: home).appendingPathComponent(".cache/tessera")
    }
    // Others write here too: a folder for each user.
    return FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(geteuid())")
  }
}
