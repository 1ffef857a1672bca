import TesseraCL
import TesseraFiles
import TesseraMemory
import TesseraOperators

/// What experts in host memory have cost.
public struct ExpertStatistics: Sendable, Equatable, Encodable {
  /// Uses of an expert by a layer of a step that found it on the device, and such that did not.
  public internal(set) var hits = 0
  public internal(set) var misses = 0
  /// Brought to the device.
  public internal(set) var bytes = 0
  /// Spent bringing them.
  public internal(set) var seconds = 0.0
}

/// Experts that stay in host memory, in the model's files, and come to the device as they are chosen: to one of the places of
/// two pools, from which the one goes that was not used for the longest time.
///
/// A kernel finds an expert's matrix by the place that a tile of the list names (`Kernels/matmul/rows.cl`): the host writes it
/// there. Where a step's layer wants more experts than there are places, its products run several times, each time for some
/// of the tiles. A tile's results depend on no other, so they have the bits that they have with all experts on the device.
final class ExpertResidency {
  /// All experts of a layer: their shape, and where their rows are.
  struct Matrices {
    var shape: WeightShape
    var pieces: [[ParameterStore.Piece]]
  }

  private struct Layer {
    var gateUp, down: Matrices
    var gateUpPlaces, downPlaces: WeightMatrix
  }

  private struct Expert: Hashable {
    var layer, number: Int
  }

  private struct Place {
    var expert: Expert?
    var lastUse = 0
  }

  private(set) var statistics = ExpertStatistics()
  private let device: ParameterDevice
  private let checkpoint: any Checkpoint
  private let stock: ExpertStock
  private let gateUps, downs: DeviceAllocation
  private var layers: [Layer] = []
  private var places: [Place]
  private var found: [Expert: Int] = [:]
  private var clock = 0

  init(
    _ stock: ExpertStock, placeCount: Int, of checkpoint: any Checkpoint, onto device: ParameterDevice, heap: DeviceHeap
  ) throws {
    (self.stock, self.checkpoint, self.device) = (stock, checkpoint, device)
    places = Array(repeating: Place(), count: placeCount)
    gateUps = try heap.allocate(
      byteCount: placeCount * stock.gateUpBytes, purpose: .weights, label: "the experts' gates and ups")
    downs = try heap.allocate(byteCount: placeCount * stock.downBytes, purpose: .weights, label: "the experts' downs")
  }

  /// Takes the next layer's experts.
  func add(_ gateUp: Matrices, _ down: Matrices) throws -> ExpertMatrices {
    let count = gateUp.pieces.count
    let layer = Layer(
      gateUp: gateUp, down: down,
      gateUpPlaces: try WeightMatrix(gateUp.shape, inPool: gateUps, stride: stock.gateUpBytes, expertCount: count),
      downPlaces: try WeightMatrix(down.shape, inPool: downs, stride: stock.downBytes, expertCount: count))
    layers.append(layer)
    return ExpertMatrices(gateUp: layer.gateUpPlaces, down: layer.downPlaces, hostLayer: layers.count - 1)
  }

  func resetStatistics() { statistics = ExpertStatistics() }

  /// Calls `run` with the tiles of a layer, their experts' places instead of numbers in them, in as many groups as the places
  /// ask for; the experts of a group are on the device meanwhile.
  func serve(_ tiles: [SIMD4<Int32>], ofLayer layer: Int, _ run: ([SIMD4<Int32>]) throws -> Void) throws {
    func expert(_ number: Int32) -> Expert { Expert(layer: layer, number: Int(number)) }
    let chosen = Set(tiles.map(\.x)).sorted()
    // Those that are there first, before others take their places.
    let wanted = chosen.filter { found[expert($0)] != nil } + chosen.filter { found[expert($0)] == nil }
    for start in stride(from: 0, to: wanted.count, by: places.count) {
      let group = wanted[start..<min(start + places.count, wanted.count)]
      clock += 1
      // None of the group gives way to another.
      for number in group { if let place = found[expert(number)] { places[place].lastUse = clock } }
      var placeOf: [Int32: Int32] = [:]
      for number in group { placeOf[number] = Int32(try place(of: expert(number))) }
      try run(tiles.compactMap { tile in placeOf[tile.x].map { SIMD4($0, tile.y, tile.z, tile.w) } })
    }
  }

  /// The place that an expert has, or comes to now.
  private func place(of expert: Expert) throws -> Int {
    if let place = found[expert] {
      statistics.hits += 1
      return place
    }
    statistics.misses += 1
    guard layers.indices.contains(expert.layer), layers[expert.layer].gateUp.pieces.indices.contains(expert.number),
      let place = places.indices.min(by: { places[$0].lastUse < places[$1].lastUse })
    else { throw ModelError(.inconsistent, "\(checkpoint.path): layer \(expert.layer) has no expert \(expert.number)") }
    if let old = places[place].expert { found[old] = nil }
    // Nobody's, if it fails.
    places[place].expert = nil
    let start = ContinuousClock.now
    let layer = layers[expert.layer]
    for (matrices, all) in [(layer.gateUp, layer.gateUpPlaces), (layer.down, layer.downPlaces)] {
      let pieces = matrices.pieces[expert.number]
      try device.fill(all.expert(place), with: pieces, isInterleaved: pieces.count > 1, keepsPages: true, checkpoint)
      statistics.bytes += matrices.shape.byteCount
    }
    statistics.seconds += (ContinuousClock.now - start) / .seconds(1)
    places[place] = Place(expert: expert, lastUse: clock)
    found[expert] = place
    return place
  }
}
