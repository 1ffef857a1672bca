/// The variables of a frame.
final class Scope {
  var variables: [String: Value]
  let parent: Scope?

  init(parent: Scope?, variables: [String: Value] = [:]) {
    self.parent = parent
    self.variables = variables
  }

  func lookUp(_ name: String) -> Value? {
    var scope: Scope? = self
    while let current = scope {
      if let value = current.variables[name] { return value }
      scope = current.parent
    }
    return nil
  }
}
