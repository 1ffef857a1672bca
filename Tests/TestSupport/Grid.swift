import Foundation

/// How many shapes grid tests try.
package enum Grid {
  /// `TESSERA_TEST_SMALL=1`: a pass of small shapes, for devices that check every access and are slow.
  package static let isSmall = ProcessInfo.processInfo.environment["TESSERA_TEST_SMALL"] == "1"

  /// The values to try: all of them, or in a small pass the few.
  package static func values<T>(_ all: [T], small few: [T]) -> [T] { isSmall ? few : all }
}
