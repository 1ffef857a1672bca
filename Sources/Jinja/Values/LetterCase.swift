/// Python's changes of letter case.
extension String {
  func pythonUppercased() -> String {
    var result = ""
    for scalar in unicodeScalars { result += scalar.properties.uppercaseMapping }
    return result
  }

  func pythonLowercased() -> String {
    let scalars = Array(unicodeScalars)
    var result = ""
    for index in scalars.indices { result += Self.lowercased(scalars, at: index) }
    return result
  }

  func pythonSwappedCase() -> String {
    let scalars = Array(unicodeScalars)
    var result = ""
    for (index, scalar) in scalars.enumerated() {
      if scalar.properties.isUppercase {
        result += Self.lowercased(scalars, at: index)
      } else if scalar.properties.isLowercase {
        result += scalar.properties.uppercaseMapping
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  func pythonCapitalized() -> String {
    let scalars = Array(unicodeScalars)
    guard let first = scalars.first else { return "" }
    var result = first.properties.titlecaseMapping
    for index in scalars.indices.dropFirst() { result += Self.lowercased(scalars, at: index) }
    return result
  }

  /// `str.title`: a capital after every character that has no case.
  func pythonTitlecased() -> String {
    let scalars = Array(unicodeScalars)
    var result = ""
    var afterCased = false
    for (index, scalar) in scalars.enumerated() {
      result += afterCased ? Self.lowercased(scalars, at: index) : scalar.properties.titlecaseMapping
      afterCased = scalar.properties.isCased
    }
    return result
  }

  /// A capital sigma at a word's end has a small letter of its own (Unicode, section 3.13).
  private static func lowercased(_ scalars: [Unicode.Scalar], at index: Int) -> String {
    guard scalars[index].value == 0x3A3 else { return scalars[index].properties.lowercaseMapping }
    let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
    let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
    let isFinal = (before?.properties.isCased ?? false) && !(after?.properties.isCased ?? false)
    return isFinal ? "\u{3C2}" : "\u{3C3}"
  }

  /// Python's `islower` (and `isupper`): at least one letter of the case and none of another.
  func isPython(lower: Bool) -> Bool {
    var found = false
    for scalar in unicodeScalars {
      let properties = scalar.properties
      if properties.generalCategory == .titlecaseLetter { return false }
      if lower ? properties.isUppercase : properties.isLowercase { return false }
      if lower ? properties.isLowercase : properties.isUppercase { found = true }
    }
    return found
  }

  /// Whether there are characters and all have a property.
  func isAll(_ property: (Unicode.Scalar) -> Bool) -> Bool { !isEmpty && unicodeScalars.allSatisfy(property) }
}

extension Unicode.Scalar {
  var isPythonAlphabetic: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  var isPythonDigit: Bool { properties.numericType == .decimal || properties.numericType == .digit }

  var isPythonAlphanumeric: Bool { isPythonAlphabetic || properties.numericType != nil }
}
