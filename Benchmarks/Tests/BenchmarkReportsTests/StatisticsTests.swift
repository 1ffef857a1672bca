import Testing

@testable import BenchmarkReports

@Suite("Statistics of timings")
struct StatisticsTests {
  @Test("The median of an odd count is the middle value, of an even one the mean of the middle two")
  func medians() throws {
    #expect(try #require(Summary([3, 1, 2])).median == 2)
    #expect(try #require(Summary([4, 1, 3, 2])).median == 2.5)
    #expect(try #require(Summary([7])).median == 7)
  }

  @Test("One outlier moves neither the median nor the deviation far")
  func outliers() throws {
    let summary = try #require(Summary([1, 1.1, 0.9, 1.05, 100]))
    #expect(summary.median == 1.05)
    #expect(abs(summary.deviation - 0.05) < 1e-12)
    #expect((summary.least, summary.most, summary.count) == (0.9, 100, 5))
    #expect(abs(summary.relativeDeviation - 0.05 / 1.05) < 1e-12)
  }

  @Test("A quarter of the timings are shorter than the lower quartile, so that a single slip does not set it")
  func quartile() throws {
    #expect(try #require(Summary([9, 0.1, 5, 6, 7, 8, 5.5])).lowerQuartile == 5)
    #expect(try #require(Summary([4, 3])).lowerQuartile == 3)
    #expect(try #require(Summary([2])).lowerQuartile == 2)
  }

  @Test("Nothing, or something that is not a number, has no summary", arguments: [[], [1, .nan], [.infinity]])
  func refusals(values: [Double]) { #expect(Summary(values) == nil) }

  @Test("Equal timings have no deviation")
  func equal() throws {
    #expect(try #require(Summary([2, 2, 2])).deviation == 0)
    #expect(try #require(Summary([0, 0])).relativeDeviation == 0)
  }
}

@Suite("Fractions of the roofs")
struct FractionsTests {
  @Test("A read of half the read roof is at 50%, whichever the operations")
  func bandwidth() throws {
    let fractions = Fractions(try sample(seconds: 2, bytes: 100, operations: 0), of: try sampleRoofs())
    #expect((fractions.bandwidth, fractions.compute, fractions.roof) == (0.5, 0, 0.5))
  }

  @Test("What moves as much as it reads is measured against the copy roof")
  func copies() throws {
    let fractions = Fractions(try sample(seconds: 1, bytes: 40, operations: 0, roof: .copy), of: try sampleRoofs())
    #expect(fractions.bandwidth == 0.5)
  }

  @Test("The roof that binds is the one that is nearer")
  func binding() throws {
    let fractions = Fractions(try sample(seconds: 1, bytes: 10, operations: 800), of: try sampleRoofs())
    #expect((fractions.bandwidth, fractions.compute, fractions.roof) == (0.1, 0.8, 0.8))
  }

  @Test("Of two measurements of the roofs the higher of each counts, and how far apart they are is told as noise")
  func higher() throws {
    let roofs = try sampleRoofs()
    var other = roofs
    other.read.rate = 120
    other.copy.rate = 70
    #expect(roofs.higher(other).read.rate == 120)
    #expect(roofs.higher(other).copy.rate == 80)
    #expect(roofs.higher(other).copy.noise == 0.125)
    #expect(roofs.higher(roofs).copy.noise == 0)
  }

  @Test("A case's family is its name up to the first slash")
  func family() throws { #expect(try sample(id: "product/Q4_K/1x2x3").family == "product") }
}
