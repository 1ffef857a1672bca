/// Where special tokens stand around a text, or around two.
struct PostProcessor: Sendable, Equatable {
  /// A part of a template.
  enum Part: Sendable, Equatable {
    case tokens([Int], type: Int)
    /// The text, or the second of two; nil keeps the texts' own types, 0 and 1.
    case text(isSecond: Bool, type: Int?)
  }

  /// Around one text.
  var single: [Part]
  /// Around two.
  var pair: [Part]

  /// Adds nothing.
  static let plain = PostProcessor(
    single: [.text(isSecond: false, type: nil)],
    pair: [.text(isSecond: false, type: nil), .text(isSecond: true, type: nil)])

  /// A token before and one behind each text, where they are given.
  static func around(begin: Int?, end: Int?) -> PostProcessor {
    func text(isSecond: Bool) -> [Part] {
      [
        begin.map { .tokens([$0], type: isSecond ? 1 : 0) }, .text(isSecond: isSecond, type: nil),
        end.map { .tokens([$0], type: isSecond ? 1 : 0) },
      ].compactMap { $0 }
    }
    return PostProcessor(single: text(isSecond: false), pair: text(isSecond: false) + text(isSecond: true))
  }

  /// A token before and some behind one text, or two as if they were one.
  static func closed(begin: Int?, end: [Int]) -> PostProcessor {
    let before: [Part] = begin.map { [.tokens([$0], type: 0)] } ?? []
    let behind: [Part] = end.isEmpty ? [] : [.tokens(end, type: 0)]
    return PostProcessor(
      single: before + [.text(isSecond: false, type: 0)] + behind,
      pair: before + [.text(isSecond: false, type: 0), .text(isSecond: true, type: 0)] + behind)
  }

  /// BERT's `[CLS] A [SEP] B [SEP]`, in which what belongs to B has type 1.
  static func bert(cls: Int, sep: Int) -> PostProcessor {
    let single: [Part] = [.tokens([cls], type: 0), .text(isSecond: false, type: 0), .tokens([sep], type: 0)]
    return PostProcessor(single: single, pair: single + [.text(isSecond: true, type: 1), .tokens([sep], type: 1)])
  }

  /// RoBERTa's `<s> A </s></s> B </s>`, all of type 0.
  static func roberta(cls: Int, sep: Int) -> PostProcessor {
    let single: [Part] = [.tokens([cls], type: 0), .text(isSecond: false, type: 0), .tokens([sep], type: 0)]
    return PostProcessor(
      single: single,
      pair: single + [.tokens([sep], type: 0), .text(isSecond: true, type: 0), .tokens([sep], type: 0)])
  }

  /// The tokens of one text or two with their types.
  /// - Parameter addSpecial: whether the special tokens are added.
  func apply(_ first: [Int], _ second: [Int]?, addSpecial: Bool) -> (ids: [Int], types: [Int]) {
    var ids: [Int] = []
    var types: [Int] = []
    for part in second == nil ? single : pair {
      let (tokens, type): ([Int], Int) =
        switch part {
        case .tokens(let tokens, let type): (addSpecial ? tokens : [], type)
        case .text(let isSecond, let type): (isSecond ? second ?? [] : first, type ?? (isSecond ? 1 : 0))
        }
      ids += tokens
      types.append(contentsOf: repeatElement(type, count: tokens.count))
    }
    return (ids, types)
  }

  /// The token that a single text begins with.
  var beginToken: Int? {
    if case .tokens(let tokens, _) = single.first { tokens.first } else { nil }
  }

  /// The token that a single text ends with.
  var endToken: Int? {
    if case .tokens(let tokens, _) = single.last { tokens.last } else { nil }
  }
}
