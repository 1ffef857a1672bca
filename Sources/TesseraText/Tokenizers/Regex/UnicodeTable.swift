/// The properties of scalars that regular expressions ask about, as of one version of Unicode.
///
/// They come from the standard library, whose version is newer: scalars that are younger than the table's version are
/// unassigned here, so that what a pattern matches does not depend on the toolchain's age. (Normalization, letter case
/// and `latest` do, for the scalars that are younger than it.)
struct UnicodeTable: Sendable {
  /// The version of the standard library.
  static let latest = UnicodeTable(major: .max, minor: .max)
  /// Unicode 16, which the regular expressions of Hugging Face's tokenizers know.
  static let version16 = UnicodeTable(major: 16, minor: 0)
  /// Unicode 15.1, which llama.cpp knows.
  static let version15 = UnicodeTable(major: 15, minor: 1)

  /// Runs of scalars with one category: the last scalar of each, and a category with `alphabeticBit`.
  private let runs: [(last: UInt32, flags: UInt8)]
  private static let alphabeticBit: UInt8 = 32
  private static let unassigned = code(.unassigned)

  private init(major: Int, minor: Int) {
    var runs: [(last: UInt32, flags: UInt8)] = []
    func add(_ last: UInt32, _ flags: UInt8) {
      if let previous = runs.last, previous.flags == flags {
        runs[runs.count - 1].last = last
      } else {
        runs.append((last, flags))
      }
    }
    // Large blocks are looked at only at their ends: all between is alike. Planes 4 to 13 are empty, and what lies behind
    // the tags and the variation selectors is for private use.
    for block in [0...0x3_FFFF, 0xE_0000...0xE_0FFF] as [ClosedRange<UInt32>] {
      var next = block.lowerBound
      while next <= block.upperBound {
        let value = next
        next += 1
        if let alike = Self.largeBlocks.first(where: { $0.contains(value) }), let last = runs.last,
          value > alike.lowerBound
        {
          add(alike.upperBound, last.flags)
          next = alike.upperBound + 1
          continue
        }
        guard let properties = Unicode.Scalar(value)?.properties else {
          add(value, Self.code(.surrogate))
          continue
        }
        let category = properties.generalCategory
        // Scalars for private use and unassigned ones have no age, or an old one.
        if category == .unassigned || category == .privateUse {
          add(value, Self.code(category))
        } else if let age = properties.age, (age.major, age.minor) <= (major, minor) {
          add(value, Self.code(category) | (properties.isAlphabetic ? Self.alphabeticBit : 0))
        } else {
          add(value, Self.unassigned)
        }
      }
      if block.upperBound == 0x3_FFFF { add(0xD_FFFF, Self.unassigned) }
    }
    add(0xE_FFFF, Self.unassigned)
    add(0xF_FFFD, Self.code(.privateUse))
    add(0xF_FFFF, Self.unassigned)
    add(0x10_FFFD, Self.code(.privateUse))
    add(0x10_FFFF, Self.unassigned)
    self.runs = runs
  }

  /// Ideographs, syllables, surrogates and scalars for private use, within the blocks of Unicode 15.
  private static let largeBlocks: [ClosedRange<UInt32>] = [
    0x3400...0x4DBF, 0x4E00...0x9FFC, 0xAC00...0xD7A3, 0xD800...0xDFFF, 0xE000...0xF8FF, 0x1_7000...0x1_87F7,
    0x2_0000...0x2_A6DD, 0x2_A700...0x2_B734, 0x2_B740...0x2_B81D, 0x2_B820...0x2_CEA1, 0x2_CEB0...0x2_EBE0,
    0x2_F800...0x2_FA1D, 0x3_0000...0x3_134A, 0x3_4000...0x3_FFFF,
  ]

  /// The scalars for which `test` holds, by category and whether they are alphabetic.
  private func scalars(where test: (_ category: UInt8, _ isAlphabetic: Bool) -> Bool) -> ScalarSet {
    var ranges: [ClosedRange<UInt32>] = []
    var first: UInt32 = 0
    for run in runs {
      if test(run.flags & 31, run.flags & Self.alphabeticBit != 0) { ranges.append(first...run.last) }
      first = run.last &+ 1
    }
    return ScalarSet(ranges)
  }

  /// `\s`: the property White_Space.
  static let whitespace = ScalarSet([
    0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
    0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
  ])

  /// `\d`
  var digits: ScalarSet { scalars { category, _ in category == Self.code(.decimalNumber) } }

  /// `\w` within a class: alphabetic scalars, marks, decimal digits and connecting punctuation.
  var wordScalars: ScalarSet {
    let mark = Self.groups["M"] ?? []
    return scalars { category, isAlphabetic in
      isAlphabetic || mark.contains(category) || category == Self.code(.decimalNumber)
        || category == Self.code(.connectorPunctuation)
    }
  }

  /// `\w` outside of classes, where Oniguruma adds six numbers of Latin-1.
  var wordEscape: ScalarSet { wordScalars.union(ScalarSet("²³¹¼½¾")) }

  /// `\w` of Rust's regular expressions: with the joiners.
  var rustWordScalars: ScalarSet { wordScalars.union(ScalarSet(0x200C...0x200D)) }

  /// The property Alphabetic.
  var alphabetic: ScalarSet { scalars { _, isAlphabetic in isAlphabetic } }

  /// A general category such as `Lu`, a group of them such as `L`, or a script; nil for names that are none.
  func set(named name: String) -> ScalarSet? {
    if let codes = Self.groups[name] { return scalars { category, _ in codes.contains(category) } }
    return Self.scripts[name.lowercased()]
  }

  /// The category's place in `order`.
  @inline(__always)
  private static func code(_ category: Unicode.GeneralCategory) -> UInt8 {
    switch category {
    case .uppercaseLetter: 0
    case .lowercaseLetter: 1
    case .titlecaseLetter: 2
    case .modifierLetter: 3
    case .otherLetter: 4
    case .nonspacingMark: 5
    case .spacingMark: 6
    case .enclosingMark: 7
    case .decimalNumber: 8
    case .letterNumber: 9
    case .otherNumber: 10
    case .connectorPunctuation: 11
    case .dashPunctuation: 12
    case .openPunctuation: 13
    case .closePunctuation: 14
    case .initialPunctuation: 15
    case .finalPunctuation: 16
    case .otherPunctuation: 17
    case .mathSymbol: 18
    case .currencySymbol: 19
    case .modifierSymbol: 20
    case .otherSymbol: 21
    case .spaceSeparator: 22
    case .lineSeparator: 23
    case .paragraphSeparator: 24
    case .control: 25
    case .format: 26
    case .surrogate: 27
    case .privateUse: 28
    case .unassigned: 29
    @unknown default: 29
    }
  }

  /// The names of the categories.
  private static let order = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
    "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
  ]

  private static let groups: [String: Set<UInt8>] = {
    var groups: [String: Set<UInt8>] = [:]
    for (index, name) in order.enumerated() {
      let code = UInt8(truncatingIfNeeded: index)
      groups[name] = [code]
      groups[String(name.prefix(1)), default: []].insert(code)
    }
    for (long, short) in [
      ("Letter", "L"), ("Mark", "M"), ("Number", "N"), ("Punctuation", "P"), ("Symbol", "S"), ("Separator", "Z"),
      ("Other", "C"),
    ] {
      groups[long] = groups[short]
    }
    return groups
  }()

  /// The scripts that the patterns of models name.
  private static let scripts: [String: ScalarSet] = [
    "han": ScalarSet([
      0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0x3005...0x3005, 0x3007...0x3007, 0x3021...0x3029,
      0x3038...0x303B, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFA6D, 0xFA70...0xFAD9, 0x1_6FE2...0x1_6FE3,
      0x1_6FF0...0x1_6FF1, 0x2_0000...0x2_A6DF, 0x2_A700...0x2_B739, 0x2_B740...0x2_B81D, 0x2_B820...0x2_CEA1,
      0x2_CEB0...0x2_EBE0, 0x2_EBF0...0x2_EE5D, 0x2_F800...0x2_FA1D, 0x3_0000...0x3_134A, 0x3_1350...0x3_23AF,
    ]),
    "hiragana": ScalarSet([
      0x3041...0x3096, 0x309D...0x309F, 0x1_B001...0x1_B11F, 0x1_B132...0x1_B132, 0x1_B150...0x1_B152,
      0x1_F200...0x1_F200,
    ]),
    "katakana": ScalarSet([
      0x30A1...0x30FA, 0x30FD...0x30FF, 0x31F0...0x31FF, 0x32D0...0x32FE, 0x3300...0x3357, 0xFF66...0xFF6F,
      0xFF71...0xFF9D, 0x1_AFF0...0x1_AFF3, 0x1_AFF5...0x1_AFFB, 0x1_AFFD...0x1_AFFE, 0x1_B000...0x1_B000,
      0x1_B120...0x1_B122, 0x1_B155...0x1_B155, 0x1_B164...0x1_B167,
    ]),
    "hangul": ScalarSet([
      0x1100...0x11FF, 0x302E...0x302F, 0x3131...0x318E, 0x3200...0x321E, 0x3260...0x327E, 0xA960...0xA97C,
      0xAC00...0xD7A3, 0xD7B0...0xD7C6, 0xD7CB...0xD7FB, 0xFFA0...0xFFBE, 0xFFC2...0xFFC7, 0xFFCA...0xFFCF,
      0xFFD2...0xFFD7, 0xFFDA...0xFFDC,
    ]),
    "thai": ScalarSet([0x0E01...0x0E3A, 0x0E40...0x0E5B]),
  ]
}
