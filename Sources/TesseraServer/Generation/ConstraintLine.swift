import Tessera
import TesseraCL
import TesseraText

/// Compiles what answers must be, one after another on a thread of its own: a large schema takes a while.
actor ConstraintLine {
  /// Constraints that are kept, the last ones asked for.
  static let limit = 32

  private let thread = DeviceThread(name: "tessera server grammars")
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
  /// The last one asked for stands last.
  private var known: [(form: AnswerForm, constraint: TokenConstraint)] = []

  /// - Throws: `GrammarError` for what cannot be served.
  func constraint(_ form: AnswerForm) throws -> TokenConstraint {
    if let index = known.firstIndex(where: { $0.form == form }) {
      let found = known.remove(at: index)
      known.append(found)
      return found.constraint
    }
    let constraint = try form.constraint()
    if known.count == Self.limit { known.removeFirst() }
    known.append((form, constraint))
    return constraint
  }
}
