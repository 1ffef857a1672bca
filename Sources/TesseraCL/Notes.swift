import Logging

/// Where the library says what is odd and yet no error: a driver's fault that was worked around, a retry.
///
/// A program decides where it goes, as swift-log has it (`LoggingSystem.bootstrap`); all of it has the label `tessera`.
package enum Notes {
  /// Made for each note, so that none is bound to what stood before a program set its log up.
  package static var logger: Logger { Logger(label: "tessera") }
}
