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

  @Test("registers hold more sums the wider they are", arguments: [(16, 24, 8), (8, 6, 4), (4, 3, 4), (1, 2, 4)])
  func vectorMatrix(width: Int, sums: Int, repeats: Int) throws {
    #expect(TilePlan.heldSums(vectorWidth: width) == sums)
    var limits = DeviceLimits.cpu
    limits.vectorWidth = width
    let matrix = try TilePlan(limits: limits, headDim: 64).matrix
    #expect(
      matrix == TilePlan.Matrix(tokens: 12, rowGroups: 2, groupSize: 1, repeats: repeats, heldSums: sums))
  }

  @Test(
    "a few tiles of many tokens are of 8, where registers hold their sums and no more rows are padded",
    arguments: [(8, 8), (9, 12), (12, 12), (13, 8), (24, 8), (33, 12), (36, 12), (37, 8), (64, 8), (65, 12), (512, 12)])
  func fewTiles(tokens: Int, expected: Int) throws {
    let tile = try TilePlan(limits: .cpu, headDim: 64).matrix.tile(tokens: tokens, weights: "4-bit")
    #expect(tile.tokens == expected && tile.repeats == (expected == 12 ? 8 : 1))
    var narrow = DeviceLimits.cpu
    narrow.vectorWidth = 8
    #expect(
      try TilePlan(limits: narrow, headDim: 64).matrix.tile(tokens: tokens, weights: "4-bit").tokens
        == (tokens > 8 ? 12 : 8))
  }

  @Test("vector attention keeps a tile in the first-level cache", arguments: [(32, 12), (64, 12), (256, 12), (512, 8)])
  func vectorAttention(headDim: Int, rows: Int) throws {
    let attention = try TilePlan(limits: .cpu, headDim: headDim).attention
    var expected = TilePlan.Attention(queryRows: rows)
    expected.headDim = headDim
    #expect(attention == expected && attention.keys == 256 && attention.groupSize == 1)
    #expect(4 * rows * (headDim + 256) <= 32 << 10)
  }

  @Test("simt tiles fit local memory and the work-group limit", arguments: [32, 64, 80, 128, 256])
  func simtFits(headDim: Int) throws {
    for (localBytes, groupSize) in [
      (48 << 10, 1024), (32 << 10, 256), (32 << 10, 64), (227 << 10, 1024),
    ] {
      var limits = DeviceLimits.gpu
      (limits.localMemoryBytes, limits.maxWorkGroupSize) = (localBytes, groupSize)
      let plan = try TilePlan(limits: limits, headDim: headDim)
      let attention = plan.attention
      #expect(attention.localBytes == localBytes && attention.keys == 256)
      #expect(attention.groupSize <= groupSize && attention.queryRows <= attention.groupSize)
      #expect(attention.isFew(attention.rows(isOne: true), keyDim: headDim, valueDim: headDim))
      #expect(attention.groupSize(isOne: true) <= min(groupSize, 256))
      #expect(plan.matrix.groupSize <= groupSize && plan.matrix.groupSize % 16 == 0)
    }
  }

  @Test("the token tile is the smallest that holds the tokens, else the largest")
  func tokenTile() throws {
    let matrix = try TilePlan(limits: .cpu, headDim: 64).matrix
    #expect([1, 2, 4, 5, 8, 9, 12, 13, 500].map { matrix.tokenTile(for: $0) } == [1, 4, 4, 8, 8, 12, 12, 12, 12])
  }

  @Test("products of many tokens get the largest wide tile that fills a device, if any")
  func wideTiles() throws {
    var limits = DeviceLimits.gpu
    limits.computeUnits = 132
    let matrix = try TilePlan(limits: limits, headDim: 64).matrix
    func tile(_ tokens: Int, _ rows: Int, _ matrix: TilePlan.Matrix) -> [Int]? {
      matrix.wideTile(tokens: tokens, rows: rows, weights: "4-bit").map { [$0.tokens, $0.rows, $0.groupSize] }
    }
    #expect(tile(16, 1 << 17, matrix) == nil && tile(17, 1 << 17, matrix) == [32, 64, 64])
    #expect(tile(64, 4096, matrix) == nil && tile(128, 4096, matrix) == [64, 64, 128])
    #expect(tile(30, 16384, matrix) == [32, 64, 64])
    #expect(matrix.wideExpertTokens(tokens: 16) == nil && matrix.wideExpertTokens(tokens: 20) == 32)
    limits.maxWorkGroupSize = 64
    #expect(tile(2048, 4096, try TilePlan(limits: limits, headDim: 64).matrix) == [32, 64, 64])
    // Attention needs more than the smallest of them, so no plan of a device is without.
    var small = matrix
    small.localBytes = 8 << 10
    #expect(tile(2048, 4096, small) == nil)
    #expect(try TilePlan(limits: .cpu, headDim: 64).matrix.wideTiles.isEmpty)
  }

  @Test("absurd heads and devices without local memory are refused")
  func refusals() throws {
    for headDim in [0, -1, 5000, Int.max] {
      #expect(throws: MemoryError.self) { try TilePlan(limits: .cpu, headDim: headDim) }
    }
    var limits = DeviceLimits.gpu
    limits.localMemoryBytes = 512
    let error = try memoryError { try TilePlan(limits: limits, headDim: 128) }
    #expect(error.message.contains("512 bytes of local memory"))
    limits.maxWorkGroupSize = 8
    #expect(throws: MemoryError.self) { try TilePlan(limits: limits, headDim: 32) }
  }
}
