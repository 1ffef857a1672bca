import Testing

@testable import TesseraMemory

@Suite("Tile plan")
struct TilePlanTests {
  @Test("a CPU gets the vector style, other devices simt, and the caller may override either")
  func style() throws {
    #expect(try TilePlan(limits: .cpu, headDim: 64).style == .vector)
    #expect(try TilePlan(limits: .gpu, headDim: 64).style == .simt)
    #expect(try TilePlan(limits: .cpu, headDim: 64, style: .simt).style == .simt)
    #expect(try TilePlan(limits: .gpu, headDim: 64, style: .vector).style == .vector)
  }

  @Test(
    "accumulators take at most three quarters of the vector registers", arguments: [(16, 12, 2), (8, 4, 1), (4, 1, 2)])
  func vectorMatrix(width: Int, tokens: Int, groups: Int) throws {
    var limits = DeviceLimits.cpu
    limits.vectorWidth = width
    let matrix = try TilePlan(limits: limits, headDim: 64).matrix
    let registers = matrix.tokens * matrix.rowGroups * 16 / width
    #expect(registers <= (width == 16 ? 24 : 12))
    #expect(TilePlan.tokenTiles.contains(matrix.tokens))
    #expect(matrix.tokens == tokens && matrix.rowGroups == groups)
  }

  @Test(
    "simt tiles fit local memory and the work-group limit, whatever the head size", arguments: [32, 64, 80, 128, 256])
  func simtFits(headDim: Int) throws {
    for (localBytes, groupSize) in [(48 << 10, 1024), (32 << 10, 256), (16 << 10, 128), (227 << 10, 1024)] {
      var limits = DeviceLimits.gpu
      (limits.localMemoryBytes, limits.maxWorkGroupSize) = (localBytes, groupSize)
      let plan = try TilePlan(limits: limits, headDim: headDim)
      let a = plan.attention
      #expect(4 * (a.queryRows * (headDim + a.keys) + a.keys * a.depth) <= localBytes)
      #expect(a.groupSize <= groupSize && a.keys == 64)
      let m = plan.matrix
      #expect(4 * m.depth * (m.tokens + 16 * m.rowGroups) <= localBytes)
      #expect(m.groupSize.tokens * m.groupSize.rows <= groupSize)
      #expect(m.groupSize.tokens * 4 == m.tokens && m.groupSize.rows * 4 == 16 * m.rowGroups)
    }
  }

  @Test("the token tile is the smallest that holds the tokens, else the largest")
  func tokenTile() throws {
    let matrix = try TilePlan(limits: .cpu, headDim: 64).matrix
    #expect([1, 2, 4, 5, 8, 9, 12, 13, 500].map { matrix.tokenTile(for: $0) } == [1, 4, 4, 8, 8, 12, 12, 12, 12])
  }

  @Test("absurd heads and devices without local memory are refused")
  func refusals() throws {
    for headDim in [0, -1, 5000, Int.max] {
      #expect(throws: MemoryError.self) { try TilePlan(limits: .cpu, headDim: headDim) }
    }
    var limits = DeviceLimits.gpu
    limits.localMemoryBytes = 1 << 10
    let error = try memoryError { try TilePlan(limits: limits, headDim: 128) }
    #expect(error.message.contains("1024 bytes of local memory"))
  }
}
