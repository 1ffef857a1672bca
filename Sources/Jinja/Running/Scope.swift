/// The variables of a frame.
final class Scope {
  var variables: [String: Value]
  let parent: Scope?
  /// Names that are undefined until the frame assigns them, whatever the parents have (see `ScopeAnalysis`).
  private let hidden: Set<String>

  init(parent: Scope?, variables: [String: Value] = [:], hidden: Set<String> = []) {
    self.parent = parent
    self.variables = variables
    self.hidden = hidden
  }

  func lookUp(_ name: String) -> Value? {
    var scope: Scope? = self
    while let current = scope {
      if let value = current.variables[name] { return value }
      if current.hidden.contains(name) { return nil }
      scope = current.parent
    }
    return nil
  }
}
