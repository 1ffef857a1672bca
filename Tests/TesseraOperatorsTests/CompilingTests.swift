import TesseraCL
import TesseraMemory
import TesseraWorkbench
import TestSupport
import Testing

@testable import TesseraOperators

extension OperatorsOnDevices {
  @Suite("Compiling ahead")
  @MainActor struct CompilingTests {
    /// A library that has compiled nothing, and commands of three kernels, one of them twice.
    private func problem(_ device: TestDevice) throws -> (KernelLibrary, [Dispatch]) {
      let library = KernelLibrary(context: try device.context(), style: .simt, cache: nil)
      let list = DispatchList()
      let memory = BufferView(.planned("memory"))
      for columns in [16, 48] {
        try RowGather(library).enqueue(memory, indices: nil, into: memory, rows: 1, columns: columns, on: list)
      }
      try SoftCap(library).enqueue(memory, cap: 2, size: 16, on: list)
      try Embedding(library).enqueue(
        memory, WeightMatrix(planning: WeightShape(format: .f32, rows: 16, columns: 32), label: "weights"),
        into: memory, tokens: 1,
        on: list)
      return (library, list.dispatches)
    }

    @Test("what is missing is compiled once, in any number of threads", arguments: TestDevices.all, [1, 2, 8])
    func threads(device: TestDevice, threads: Int) throws {
      let (library, dispatches) = try problem(device)
      let threads = library.context.device.profile.isSimulator ? 1 : threads
      var told: [Int] = []
      func compile() throws {
        told = []
        try library.compile(
          dispatches, threads: threads,
          progress: { done, all in
            #expect(all == 3)
            told.append(done)
          })
      }
      try compile()
      #expect(told.first == 0 && told.last == 3 && told == told.sorted())
      #expect(Set(library.variants) == Set(dispatches.map(\.variant)) && library.variants.count == 3)
      try compile()
      #expect(told.isEmpty)
    }

    @Test("whoever cancels gets no more kernels", arguments: TestDevices.all, [1, 2])
    func cancelling(device: TestDevice, threads: Int) throws {
      let (library, dispatches) = try problem(device)
      #expect(throws: CancellationError.self) {
        try library.compile(dispatches, threads: threads, isCancelled: { true })
      }
      #expect(library.variants.isEmpty)
      var isCancelled = false
      #expect(throws: CancellationError.self) {
        try library.compile(
          dispatches, threads: 1, isCancelled: { isCancelled }, progress: { done, _ in isCancelled = done == 2 })
      }
      #expect(library.variants.count == 2)
    }

    @Test("an error of a kernel ends the work", arguments: TestDevices.all, [1, 2])
    func errors(device: TestDevice, threads: Int) throws {
      let (library, dispatches) = try problem(device)
      var wrong = dispatches[0]
      wrong.variant.function = "no_such_kernel"
      #expect(throws: CLError.self) { try library.compile([wrong] + dispatches, threads: threads) }
      #expect(throws: CLError.self) { try library.compile([wrong], threads: threads) }
    }
  }
}
