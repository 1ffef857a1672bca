import TesseraFiles

/// What kind of model a family is.
package enum FamilyKind: String, Sendable, CaseIterable {
  case decoder
  /// A decoder whose MLPs are a mixture of experts.
  case experts = "decoder with experts"
  case encoder
  case encoderDecoder = "encoder-decoder"
  case speech
}

/// A family for those who choose a model: its kind, and what files call it.
package struct FamilyDescription: Sendable, Hashable {
  /// The name of the family's type.
  package let name: String
  package let kind: FamilyKind
  /// The values of `architectures` in `config.json`.
  package let huggingFaceNames: [String]
  /// The values of `general.architecture` in GGUF files.
  package let ggufNames: [String]

  /// Every family, by kind and then by name.
  package static let all = FamilyKind.allCases.flatMap { kind in
    Families.all.filter { $0.kind == kind }.map { FamilyDescription($0) }
      .sorted { ($0.name.lowercased(), $0.name) < ($1.name.lowercased(), $1.name) }
  }

  init(_ family: any ModelFamily.Type) {
    (name, kind) = ("\(family)", family.kind)
    (huggingFaceNames, ggufNames) = (family.huggingFaceNames, family.ggufNames)
  }
}

extension ModelFamily {
  static var kind: FamilyKind { .decoder }
}

extension Encoder {
  static var kind: FamilyKind { .encoder }
}

extension EncoderDecoder {
  static var kind: FamilyKind { .encoderDecoder }
}

extension Families {
  /// The names most like one that no family has, at most one of each family's: those with the most pairs of letters in
  /// common.
  static func nearest(_ name: String, among families: [[String]], count: Int = 3) -> [String] {
    func pairs(_ text: String) -> Set<String> {
      // What names of a kind have in common says nothing.
      let letters = Array(text.replacing(/(For[A-Z]\w*|LMHeadModel|Model)$/, with: "").lowercased().prefix(200))
      return Set(zip(letters, letters.dropFirst()).map { "\($0)\($1)" })
    }
    let wanted = pairs(name)
    func likeness(_ other: String) -> Double {
      let own = pairs(other)
      return Double(2 * wanted.intersection(own).count) / Double(max(1, wanted.count + own.count))
    }
    let best = families.compactMap { names in
      names.map { (name: $0, likeness: likeness($0)) }.max { ($0.likeness, $1.name) < ($1.likeness, $0.name) }
    }
    let names = best.filter { $0.likeness >= 0.3 }.sorted { ($1.likeness, $0.name) < ($0.likeness, $1.name) }
      .map(\.name)
    // Families may share one.
    return Array(names.enumerated().filter { !names[..<$0].contains($1) }.map(\.element).prefix(count))
  }
}
