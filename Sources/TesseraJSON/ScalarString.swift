/// A string compared and hashed by its scalars. `String` itself takes canonically equivalent text for equal.
package struct ScalarString: Hashable, Sendable {
  package let text: String

  package init(_ text: String) { self.text = text }

  package static func == (left: ScalarString, right: ScalarString) -> Bool { left.text.hasSameScalars(as: right.text) }

  package func hash(into hasher: inout Hasher) {
    var copy = text
    copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension String {
  /// Whether both strings are the same sequence of Unicode scalars, as Python's `==` asks.
  package func hasSameScalars(as other: String) -> Bool {
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }
}
