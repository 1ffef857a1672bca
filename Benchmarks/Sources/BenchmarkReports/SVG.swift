/// A drawing, written as SVG. Colors are CSS classes, so that the page's light and dark themes apply.
struct SVG {
  let width: Double
  let height: Double
  private var body = ""

  init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

  enum Anchor: String { case start, middle, end }

  mutating func line(_ from: (Double, Double), _ to: (Double, Double), class name: String) {
    body += "<line class=\"\(name)\" x1=\"\(number(from.0))\" y1=\"\(number(from.1))\""
    body += " x2=\"\(number(to.0))\" y2=\"\(number(to.1))\"/>\n"
  }

  mutating func polyline(_ points: [(Double, Double)], class name: String) {
    let path = points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
    body += "<polyline class=\"\(name)\" points=\"\(path)\"/>\n"
  }

  /// - Parameter tooltip: shown where the pointer rests on it.
  mutating func circle(_ center: (Double, Double), radius: Double, class name: String, tooltip: String) {
    body += "<circle class=\"\(name)\" cx=\"\(number(center.0))\" cy=\"\(number(center.1))\" r=\"\(number(radius))\">"
    body += "<title>\(escaped(tooltip))</title></circle>\n"
  }

  mutating func bar(x: Double, y: Double, width: Double, height: Double, class name: String, tooltip: String) {
    body += "<rect class=\"\(name)\" x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(0, width)))\""
    body += " height=\"\(number(height))\" rx=\"2\"><title>\(escaped(tooltip))</title></rect>\n"
  }

  /// - Parameter angle: degrees, counter-clockwise about the point.
  mutating func text(
    _ text: String, at point: (Double, Double), anchor: Anchor = .start, class name: String = "label",
    angle: Double = 0
  ) {
    let (x, y) = (number(point.0), number(point.1))
    let turn = angle == 0 ? "" : " transform=\"rotate(\(number(-angle)) \(x) \(y))\""
    body += "<text class=\"\(name)\" x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor.rawValue)\"\(turn)>"
    body += "\(escaped(text))</text>\n"
  }

  /// - Parameter title: for those who don't see the drawing.
  func document(title: String) -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\" "
      + "aria-label=\"\(escaped(title))\">\n\(body)</svg>\n"
  }

  private func number(_ value: Double) -> String {
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() && abs(tenths) < 1e9 ? "\(Int(tenths))" : "\(tenths)"
  }
}

/// Text as HTML and SVG take it.
func escaped(_ text: String) -> String {
  var result = ""
  for character in text {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
  return result
}
