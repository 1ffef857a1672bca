import Foundation

/// Every kernel as a point between the roofs (Williams, Waterman & Patterson 2009): operations per byte to the right,
/// operations per second upward, both logarithmic.
struct RooflinePlot {
  let rows: [Report.Row]
  let roofs: Roofs
  /// The class of a family's color.
  let colors: [String: String]

  private static let (width, height) = (960.0, 520.0)
  private static let (left, right, top, bottom) = (72.0, 24.0, 20.0, 56.0)

  func svg() -> String {
    var svg = SVG(width: Self.width, height: Self.height)
    let points = rows.filter { $0.measurement.operations > 0 && $0.operationsPerSecond > 0 }
    let peak = roofs.multiplyAdd.rate
    let ridge = peak / roofs.read.rate
    let intensities = points.map(\.measurement.intensity) + [ridge / 8, ridge * 8]
    let x = Axis(
      intensities, scale: .logarithmic, from: Self.left, to: Self.width - Self.right, pad: 1.6)
    let y = Axis(
      points.map(\.operationsPerSecond) + [peak, roofs.read.rate * x.low], scale: .logarithmic,
      from: Self.height - Self.bottom, to: Self.top, pad: 1.6)
    drawAxes(&svg, x, y)
    // The lower roof's name stands below its line.
    let copyIsLower = roofs.copy.rate < roofs.read.rate
    drawRoof(&svg, x, y, bandwidth: roofs.copy.rate, class: "roof dashed", label: "copy", below: copyIsLower)
    drawRoof(&svg, x, y, bandwidth: roofs.read.rate, class: "roof", label: "read", below: !copyIsLower)
    svg.text(
      "multiply-add peak, \(Formatting.rate(peak, "FLOP/s"))", at: (x.end - 4, y.position(peak) - 8), anchor: .end,
      class: "label strong")
    for row in points {
      let measurement = row.measurement
      svg.circle(
        (x.position(measurement.intensity), y.position(row.operationsPerSecond)), radius: 4.5,
        class: "point \(colors[measurement.family] ?? "c0")", tooltip: tooltip(row))
    }
    return svg.document(title: "Roofline: operations per second over operations per byte")
  }

  private func drawAxes(_ svg: inout SVG, _ x: Axis, _ y: Axis) {
    for tick in x.ticks {
      let at = x.position(tick)
      svg.line((at, y.start), (at, y.end), class: "grid")
      svg.text(Formatting.tick(tick), at: (at, y.start + 20), anchor: .middle)
    }
    for tick in y.ticks {
      let at = y.position(tick)
      svg.line((x.start, at), (x.end, at), class: "grid")
      svg.text(Formatting.tick(tick), at: (x.start - 8, at + 4), anchor: .end)
    }
    svg.line((x.start, y.start), (x.end, y.start), class: "axis")
    svg.text("operations per byte", at: ((x.start + x.end) / 2, Self.height - 12), anchor: .middle)
    svg.text("FLOP/s", at: (18, (y.start + y.end) / 2), anchor: .middle, angle: 90)
  }

  private func drawRoof(
    _ svg: inout SVG, _ x: Axis, _ y: Axis, bandwidth: Double, class name: String, label: String, below: Bool
  ) {
    let peak = roofs.multiplyAdd.rate
    let ridge = min(max(peak / bandwidth, x.low), x.high)
    let first = (x.start, y.position(bandwidth * x.low))
    let corner = (x.position(ridge), y.position(min(bandwidth * ridge, peak)))
    svg.polyline([first, corner, (x.end, corner.1)], class: name)
    let angle = atan2(first.1 - corner.1, corner.0 - first.0) * 180 / .pi
    let middle = ((first.0 + corner.0) / 2, (first.1 + corner.1) / 2 + (below ? 18 : -8))
    svg.text(
      "\(label), \(Formatting.rate(bandwidth, "B/s"))", at: middle, anchor: .middle, class: "label strong", angle: angle
    )
  }
}

/// What a point or a bar says of its measurement.
func tooltip(_ row: Report.Row) -> String {
  let measurement = row.measurement
  var text = "\(measurement.id)\n\(Formatting.seconds(measurement.seconds.median))"
  text += " ± \(Formatting.percent(measurement.seconds.relativeDeviation))"
  text += ", \(Formatting.rate(row.bytesPerSecond, "B/s"))"
  if measurement.operations > 0 { text += ", \(Formatting.rate(row.operationsPerSecond, "FLOP/s"))" }
  if let fractions = row.fractions { text += ", \(Formatting.percent(fractions.roof)) of the roof" }
  return text
}
