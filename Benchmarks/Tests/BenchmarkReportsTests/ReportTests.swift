import Foundation
import Testing

@testable import BenchmarkReports

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Reports")
struct ReportTests {
  /// A name that would break out of a page.
  private let hostile = "<script>alert(\"&\")</script>"

  private func full() throws -> Report {
    try sampleReport(
      [
        sample(id: "product/a/1", points: [.init("lengths", series: hostile, x: 1), .init("types", series: "Q4_0")]),
        sample(id: "product/a/64", seconds: 0.5, points: [.init("lengths", series: hostile, x: 64)]),
        sample(
          id: "\(hostile)/b/1", bytes: 10_000, operations: 0, roof: .copy, points: [.init("types", series: "Q8_0")]),
      ], device: hostile, failures: [.init(id: "repack/x", reason: hostile)])
  }

  @Test("The Markdown table has a row for each case with its fractions")
  func markdown() throws {
    let text = try sampleReport([sample(seconds: 0.25)]).markdown()
    #expect(text.contains("| `product/Q4_K/1x64x64`, cold | 250 ms ± 0% | 0.00 | 0.00 | 200% | 80% | 1 |"))
    #expect(text.contains("| read | 100 B/s | 0% | wide |"))
    #expect(text.contains("1970-01-01T00:00:00Z"))
  }

  @Test("Without roofs there are no fractions")
  func noRoofs() throws {
    let report = try sampleReport([sample()], hasRoofs: false)
    #expect(report.markdown().contains("| – | – | 1 |"))
    #expect(report.rows[0].fractions == nil)
    #expect(!report.html().contains("Roofline"))
  }

  @Test("A stopped run says how far it came, and what failed says why")
  func incomplete() throws {
    let failed = Report.Failure(id: "repack/Q9", reason: "no such type")
    let report = try sampleReport([sample()], failures: [failed], caseCount: 9)
    #expect(!report.isComplete)
    #expect(report.markdown().contains("stopped after 2 of 9 cases"))
    #expect(report.markdown().contains("- `repack/Q9`: no such type"))
    #expect(try sampleReport([sample()], failures: [failed]).isComplete)
  }

  @Test("The JSON document has snake case keys, rates and fractions")
  func json() throws {
    let document = try JSONSerialization.jsonObject(with: Data(try sampleReport([sample(seconds: 2)]).json().utf8))
    let report = try #require(document as? [String: Any])
    let row = try #require((report["rows"] as? [[String: Any]])?.first)
    #expect(row["bytes_per_second"] as? Double == 25)
    #expect((row["measurement"] as? [String: Any])?["id"] as? String == "product/Q4_K/1x64x64")
    #expect((row["fractions"] as? [String: Any])?["bandwidth"] as? Double == 0.25)
    let roofs = try #require(report["roofs"] as? [String: Any])
    #expect((roofs["multiply_add"] as? [String: Any])?["rate"] as? Double == 1000)
  }

  @Test("The page needs nothing from elsewhere, runs no script, and escapes what it is given")
  func page() throws {
    let html = try full().html()
    #expect(!html.contains("<script"))
    #expect(html.contains("&lt;script&gt;"))
    let links = html.replacingOccurrences(of: "xmlns=\"http://www.w3.org/2000/svg\"", with: "")
    for outside in ["http:", "https:", "src=", "href=", "@import", "url("] { #expect(!links.contains(outside)) }
    #expect(html.contains("prefers-color-scheme: dark"))
  }

  @Test("The page draws the roofline and every chart that has points, as well-formed SVG without NaN")
  func drawings() throws {
    let html = try full().html()
    let drawings = html.components(separatedBy: "<svg").dropFirst().compactMap { part in
      part.range(of: "</svg>").map { "<svg" + part[..<$0.upperBound] }
    }
    #expect(drawings.count == 3)
    for drawing in drawings {
      #expect(XMLParser(data: Data(drawing.utf8)).parse())
      #expect(!drawing.contains("nan") && !drawing.contains("inf\""))
    }
    #expect(try !sampleReport([sample()]).html().contains("By length"))
  }
}

@Suite("Axes")
struct AxisTests {
  @Test("Values keep their order, and those given lie between the ends", arguments: [Axis.Scale.linear, .logarithmic])
  func order(scale: Axis.Scale) {
    let values = [0.5, 1, 20, 3000]
    let axis = Axis(values, scale: scale, from: 10, to: 110)
    let positions = values.map(axis.position)
    #expect(positions == positions.sorted())
    #expect(positions.allSatisfy { (10...110).contains($0) })
    #expect(!axis.ticks.isEmpty && axis.ticks.allSatisfy { (axis.low...axis.high).contains($0) })
  }

  @Test("A decade is as long as the next on a logarithmic axis")
  func decades() {
    let axis = Axis([1, 100], scale: .logarithmic, from: 0, to: 1)
    let (first, second, third) = (axis.position(1), axis.position(10), axis.position(100))
    #expect(abs((second - first) - (third - second)) < 1e-9)
  }

  @Test("Axes of one value, of none and of zeros can be drawn", arguments: [[5.0], [], [0, 0]])
  func degenerate(values: [Double]) {
    for scale in [Axis.Scale.linear, .logarithmic] {
      let axis = Axis(values, scale: scale, from: 0, to: 100)
      #expect(axis.position(values.first ?? 1).isFinite)
      #expect(axis.ticks.count < 100)
    }
  }
}

@Suite("Numbers as people read them")
struct FormattingTests {
  @Test("Seconds have the unit that suits them")
  func seconds() {
    #expect(Formatting.seconds(1.234e-5) == "12.3 µs")
    #expect(Formatting.seconds(0.0456) == "45.6 ms")
    #expect(Formatting.seconds(2) == "2.00 s")
  }

  @Test("Rates have the prefix that suits them")
  func rates() {
    #expect(Formatting.rate(34.56e9, "B/s") == "34.6 GB/s")
    #expect(Formatting.rate(1.5e12, "FLOP/s") == "1.50 TFLOP/s")
    #expect(Formatting.rate(999, "B/s") == "999 B/s")
  }

  @Test("Durations are in seconds, minutes or hours")
  func durations() {
    #expect(Formatting.duration(59.4) == "59 s")
    #expect(Formatting.duration(200) == "3 min 20 s")
    #expect(Formatting.duration(7260) == "2 h 1 min")
    #expect(Formatting.duration(-1) == "0 s")
  }
}
