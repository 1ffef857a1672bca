import Foundation

extension Report {
  /// One page that needs nothing beside it, readable in light and dark.
  package func html() -> String {
    let title = "Kernels on \(machine.device)"
    var body = "<header><h1>\(escaped(title))</h1>\n"
    body += "<p>\(escaped(place)) · \(escaped(date.formatted(.iso8601)))</p></header>\n"
    if let roofs { body += cards(roofs) }
    let colors = Dictionary(uniqueKeysWithValues: families.enumerated().map { ($1.name, "c\($0 % 10)") })
    if let roofs {
      let shown = families.filter { family in family.rows.contains { $0.measurement.operations > 0 } }
      body += "<figure><figcaption>Roofline: each kernel below what memory and arithmetic allow</figcaption>\n"
      body += RooflinePlot(rows: rows, roofs: roofs, colors: colors).svg()
      body += legend(shown.map { ($0.name, colors[$0.name] ?? "c0") }) + "</figure>\n"
    }
    let plots = charts.compactMap { chart in
      ChartPlot(chart: chart, report: self).svg().map {
        "<figure><figcaption>\(escaped(chart.title))</figcaption>\n\($0)</figure>\n"
      }
    }
    if !plots.isEmpty { body += "<section class=\"charts\">\n\(plots.joined())</section>\n" }
    for (name, rows) in families { body += table(name, rows) }
    if !failures.isEmpty {
      body += "<h2>Not measured</h2>\n<ul>\n"
      for failure in failures { body += "<li><code>\(escaped(failure.id))</code>: \(escaped(failure.reason))</li>\n" }
      body += "</ul>\n"
    }
    body += "<footer>\(notes.map { "<p>\(escaped($0))</p>" }.joined())</footer>\n"
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(escaped(title))</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      \(body)</body>
      </html>

      """
  }

  private func cards(_ roofs: Roofs) -> String {
    let cards = [
      ("Read", Formatting.rate(roofs.read.rate, "B/s"), roofs.read),
      ("Copy, read and written", Formatting.rate(roofs.copy.rate, "B/s"), roofs.copy),
      ("Multiply-add, float32", Formatting.rate(roofs.multiplyAdd.rate, "FLOP/s"), roofs.multiplyAdd),
    ].map { name, rate, roof in
      "<div><small>\(name)</small><strong>\(rate)</strong><small>\(escaped(roof.variant)), "
        + "± \(Formatting.percent(roof.noise))</small></div>"
    }
    return "<section class=\"cards\">\(cards.joined())</section>\n"
  }

  private func table(_ name: String, _ rows: [Row]) -> String {
    var text = "<h2>\(escaped(name))</h2>\n<div class=\"scroll\"><table>\n<tr><th>case</th><th>time</th><th>±</th>"
    text += "<th>GB/s</th><th>GFLOP/s</th><th>of bandwidth</th><th>of FMA peak</th><th>launches</th><th>n</th></tr>\n"
    for row in rows {
      let measurement = row.measurement
      let hasWork = measurement.operations > 0
      let marks =
        (measurement.isCold ? " <em>cold</em>" : "") + (measurement.clock == .host ? " <em>host</em>" : "")
      text += "<tr><td><code>\(escaped(measurement.id))</code>\(marks)</td>"
      text += "<td>\(Formatting.seconds(measurement.seconds.median))</td>"
      text += "<td>\(Formatting.percent(measurement.seconds.relativeDeviation))</td>"
      text += "<td>\(Formatting.digits(row.bytesPerSecond / 1e9))</td>"
      text += "<td>\(hasWork ? Formatting.digits(row.operationsPerSecond / 1e9) : "–")</td>"
      text += meter(row.fractions?.bandwidth) + meter(hasWork ? row.fractions?.compute : nil)
      text += "<td>\(measurement.launches)</td><td>\(measurement.seconds.count)</td></tr>\n"
    }
    return text + "</table></div>\n"
  }

  private func meter(_ fraction: Double?) -> String {
    guard let fraction else { return "<td>–</td>" }
    let width = Int((min(max(fraction, 0), 1) * 100).rounded())
    return "<td class=\"meter\"><b style=\"width:\(width)%\"></b><span>\(Formatting.percent(fraction))</span></td>"
  }

  private static let style = """
    :root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --faint: #667080; --grid: #e4e8ee;
      --card: #f5f7fa; --accent: #2f6fde; --meter: #cfe0fb;
      --c0: #2f6fde; --c1: #d9622b; --c2: #2a9d5c; --c3: #b03fb5; --c4: #c79a00; --c5: #0d97a8; --c6: #d03a5c;
      --c7: #7a5cd6; --c8: #6b8e23; --c9: #8a6d5a; }
    @media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e6e9ee; --faint: #98a2b3; --grid: #2a303a;
      --card: #1c2129; --accent: #78a6ff; --meter: #2a4474;
      --c0: #78a6ff; --c1: #ff9a66; --c2: #5fd391; --c3: #e08be4; --c4: #ecc94b; --c5: #4fd1e0; --c6: #ff7d99;
      --c7: #b09cff; --c8: #a9cf57; --c9: #c9a890; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 1240px; background: var(--paper); color: var(--ink);
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
    header p, footer, small { color: var(--faint); } header p { margin: .2rem 0 1.2rem; }
    footer { margin-top: 2.5rem; font-size: .85rem; } footer p { margin: .2rem 0; }
    .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: .8rem; }
    .cards div { background: var(--card); border-radius: 8px; padding: .8rem 1rem; }
    .cards strong { display: block; font-size: 1.35rem; } .cards small { display: block; }
    figure { margin: 1.4rem 0 0; background: var(--card); border-radius: 8px; padding: 1rem; }
    figcaption { font-weight: 600; margin-bottom: .4rem; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 1rem; }
    .charts figure { margin: 0; } .charts { margin-top: 1rem; }
    svg { width: 100%; height: auto; display: block; }
    svg text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--faint); }
    svg text.strong { fill: var(--ink); }
    .grid { stroke: var(--grid); } .axis { stroke: var(--faint); }
    .roof { stroke: var(--ink); stroke-width: 1.6; fill: none; } .dashed { stroke-dasharray: 5 4; stroke-width: 1.2; }
    .curve { fill: none; stroke-width: 2; stroke: currentColor; }
    .point { fill: currentColor; fill-opacity: .8; stroke: var(--card); stroke-width: 1; }
    .point:hover { stroke: var(--ink); stroke-width: 2; fill-opacity: 1; }
    .bar { fill: var(--accent); fill-opacity: .75; } .bar:hover { fill-opacity: 1; }
    .legend { margin: .5rem 0 0; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; }
    .legend span i { display: inline-block; width: .75em; height: .75em; border-radius: 50%; background: currentColor;
      margin-right: .45em; }
    .c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
    .c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
    .c8 { color: var(--c8); } .c9 { color: var(--c9); }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: .87rem; font-variant-numeric: tabular-nums; }
    th, td { text-align: right; padding: .28rem .6rem; border-bottom: 1px solid var(--grid); white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; } th { color: var(--faint); font-weight: 600; }
    code { font: .95em ui-monospace, "DejaVu Sans Mono", monospace; } em { color: var(--faint); font-size: .85em; }
    .meter { position: relative; min-width: 7.5rem; }
    .meter b { position: absolute; inset: 4px auto 4px 0; background: var(--meter); border-radius: 3px; }
    .meter span { position: relative; }
    """
}
