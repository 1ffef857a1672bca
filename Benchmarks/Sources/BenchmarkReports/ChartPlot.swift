import Foundation

/// Draws a chart of a report; nil where nothing that was measured has a place in it.
struct ChartPlot {
  let chart: Chart
  let report: Report

  /// A point's measurement, by series in the order of the report.
  private var series: [(name: String, points: [(x: Double, row: Report.Row)])] {
    var names: [String] = []
    var points: [String: [(x: Double, row: Report.Row)]] = [:]
    for row in report.rows {
      for point in row.measurement.points where point.chart == chart.id {
        if points[point.series] == nil { names.append(point.series) }
        points[point.series, default: []].append((point.x, row))
      }
    }
    return names.map { name in (name, (points[name] ?? []).sorted { $0.x < $1.x }) }
  }

  func svg() -> String? {
    let series = series
    guard !series.isEmpty else { return nil }
    return chart.kind == .lines ? lines(series) : bars(series)
  }

  private func value(_ row: Report.Row) -> Double {
    chart.quantity == .byteRate ? row.bytesPerSecond : row.operationsPerSecond
  }

  /// The limit that the chart's quantity has.
  private var roof: Double? {
    report.roofs.map { chart.quantity == .byteRate ? $0.read.rate : $0.multiplyAdd.rate }
  }

  private func lines(_ series: [(name: String, points: [(x: Double, row: Report.Row)])]) -> String {
    let (width, height) = (560.0, 330.0)
    var svg = SVG(width: width, height: height)
    let all = series.flatMap(\.points)
    let x = Axis(all.map(\.x), scale: .logarithmic, from: 64, to: width - 16, pad: 1.12)
    let y = Axis(all.map { value($0.row) } + [roof ?? 0], scale: .linear, from: height - 48, to: 16)
    for tick in y.ticks {
      svg.line((x.start, y.position(tick)), (x.end, y.position(tick)), class: "grid")
      svg.text(Formatting.tick(tick), at: (x.start - 8, y.position(tick) + 4), anchor: .end)
    }
    for tick in Set(all.map(\.x)).sorted() {
      svg.line((x.position(tick), y.start), (x.position(tick), y.start + 5), class: "axis")
      svg.text(count(tick), at: (x.position(tick), y.start + 19), anchor: .middle)
    }
    svg.line((x.start, y.start), (x.end, y.start), class: "axis")
    svg.text(chart.xLabel, at: ((x.start + x.end) / 2, height - 8), anchor: .middle)
    svg.text(
      chart.quantity == .byteRate ? "B/s" : "FLOP/s", at: (14, (y.start + y.end) / 2), anchor: .middle, angle: 90)
    if let roof {
      svg.line((x.start, y.position(roof)), (x.end, y.position(roof)), class: "roof dashed")
      svg.text(
        chart.quantity == .byteRate ? "read roof" : "multiply-add roof", at: (x.end - 4, y.position(roof) + 15),
        anchor: .end, class: "label strong")
    }
    for (index, (_, points)) in series.enumerated() {
      let color = "c\(index % 10)"
      let places = points.map { (x.position($0.x), y.position(value($0.row))) }
      svg.polyline(places, class: "curve \(color)")
      for (place, point) in zip(places, points) {
        svg.circle(place, radius: 4, class: "point \(color)", tooltip: tooltip(point.row))
      }
    }
    return svg.document(title: chart.title) + legend(series.enumerated().map { ($1.name, "c\($0 % 10)") })
  }

  private func bars(_ series: [(name: String, points: [(x: Double, row: Report.Row)])]) -> String {
    let pitch = 22.0
    let (left, width) = (84.0, 560.0)
    let height = pitch * Double(series.count) + 44
    var svg = SVG(width: width, height: height)
    let rates = series.map { $0.points.map { value($0.row) }.max() ?? 0 }
    let x = Axis(rates + [roof ?? 0], scale: .linear, from: left, to: width - 60)
    for tick in x.ticks {
      svg.line((x.position(tick), 8), (x.position(tick), height - 34), class: "grid")
      svg.text(Formatting.tick(tick), at: (x.position(tick), height - 18), anchor: .middle)
    }
    for (index, (name, points)) in series.enumerated() {
      let y = 10 + pitch * Double(index)
      guard let row = points.last?.row else { continue }
      svg.text(name, at: (left - 8, y + 14), anchor: .end)
      svg.bar(
        x: left, y: y + 3, width: x.position(rates[index]) - left, height: pitch - 7, class: "bar",
        tooltip: tooltip(row))
      let label = roof.map { Formatting.percent(rates[index] / $0) } ?? Formatting.rate(rates[index], "")
      svg.text(label, at: (x.position(rates[index]) + 6, y + 14), class: "label strong")
    }
    if let roof { svg.line((x.position(roof), 8), (x.position(roof), height - 34), class: "roof dashed") }
    svg.text(
      chart.quantity == .byteRate
        ? "B/s; the dashed line is the read roof" : "FLOP/s; the dashed line is the multiply-add roof",
      at: ((x.start + x.end) / 2, height - 3), anchor: .middle)
    return svg.document(title: chart.title)
  }

  private func count(_ value: Double) -> String {
    let whole = Int(value)
    return whole >= 1024 && whole.isMultiple(of: 1024) ? "\(whole / 1024)K" : "\(whole)"
  }
}

/// Names beside their colors.
func legend(_ entries: [(name: String, color: String)]) -> String {
  guard !entries.isEmpty else { return "" }
  let items = entries.map { "<span><i class=\"\($0.color)\"></i>\(escaped($0.name))</span>" }
  return "<p class=\"legend\">\(items.joined())</p>\n"
}
