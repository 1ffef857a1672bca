import TesseraCL
import TesseraKernels
import TesseraMemory

/// A step whose commands run in one launch: `Kernels/step/step_program.cl`.
///
/// It computes what its commands would on a queue, to the bit. On a CPU a launch costs as much as a small product; a
/// program has one for each segment, and what cannot be part of one is launched between two of them.
package final class StepProgram {
  private enum Part {
    case segment(Segment)
    case launch(Dispatch)
  }

  /// Consecutive commands that are one launch.
  private struct Segment {
    var kernel: Kernel
    var roots: [Buffer]
    /// Where its commands lie in `memory`, then their argument blocks.
    var offset: Int
    var commandCount: Int
  }

  private let library: KernelLibrary
  private let queue: Queue
  private let memory: DeviceAllocation
  private let counters: StepCounters
  private let groupCount: Int
  private var parts: [Part] = []

  /// Whether work-groups can wait for each other: on CPUs, where one that has begun goes on.
  package static func isPossible(_ library: KernelLibrary) -> Bool {
    library.style == .vector && library.context.device.profile.type == .cpu
  }

  /// Bytes that a program of at most `commandCount` commands keeps on the device, beside its counters.
  package static func deviceBytes(commandCount: Int) -> Int {
    commandCount * (MemoryLayout<ProgramCommand>.stride + largestBlock)
  }

  private static let largestBlock = MemoryLayout<AttentionArguments>.stride
  /// Buffers of a segment, at most: a kernel has few arguments.
  private static let mostRoots = 48
  /// Views of a command, at most.
  private static let mostViews = MemoryLayout.size(ofValue: ProgramCommand().roots) / 4

  /// A program of commands whose views all have memory.
  ///
  /// - Parameter counters: of the queue, which its programs share; where they are too few, or nil, it has its own.
  /// - Throws: `OperatorError`, `CLError` if a segment does not build, `MemoryError` if its commands do not fit.
  package init(
    _ dispatches: [Dispatch], _ library: KernelLibrary, heap: DeviceHeap, queue: Queue, counters: StepCounters? = nil
  )
    throws
  {
    (self.library, self.queue) = (library, queue)
    groupCount = heap.limits.computeUnits
    if let counters, counters.commandCount >= dispatches.count {
      self.counters = counters
    } else {
      self.counters = try StepCounters(commandCount: dispatches.count, heap: heap, queue: queue)
    }
    let bytes = Self.deviceBytes(commandCount: max(1, dispatches.count))
    memory = try heap.allocate(byteCount: bytes, purpose: .workspace, label: "a step program")
    var image: [UInt8] = []
    for run in try Self.runs(dispatches) {
      switch run {
      case .launch(let dispatch): parts.append(.launch(dispatch))
      case .commands(let commands): parts.append(.segment(try record(commands, into: &image)))
      }
    }
    guard image.count <= memory.byteCount else {
      throw OperatorError(.shape, "a program of \(image.count) bytes in \(memory.byteCount)")
    }
    if !image.isEmpty { try queue.write(image, to: memory.buffer) }
  }

  enum Run {
    case commands([Dispatch])
    case launch(Dispatch)
  }

  /// Cuts commands in segments: at what cannot be inlined, and where their buffers become too many.
  static func runs(_ dispatches: [Dispatch]) throws -> [Run] {
    var runs: [Run] = []
    var current: [Dispatch] = []
    var roots: Set<ObjectIdentifier> = []
    func end() {
      if !current.isEmpty { runs.append(.commands(current)) }
      (current, roots) = ([], [])
    }
    for dispatch in dispatches {
      guard dispatch.isInlinable, dispatch.localSize == 1 else {
        end()
        runs.append(.launch(dispatch))
        continue
      }
      var own = Set(try dispatch.buffers().map(ObjectIdentifier.init))
      if case .buffer(let buffer)? = dispatch.count?.memory { own.insert(ObjectIdentifier(buffer)) }
      if roots.union(own).count > mostRoots { end() }
      roots.formUnion(own)
      current.append(dispatch)
    }
    end()
    return runs
  }

  private func record(_ commands: [Dispatch], into image: inout [UInt8]) throws -> Segment {
    var (roots, wanted) = try Self.requirements(commands)
    let program = try library.stepProgram(wanted)
    let numbers = Dictionary(uniqueKeysWithValues: zip(roots.map(ObjectIdentifier.init), UInt32(0)...))
    func root(_ buffer: Buffer) throws -> UInt32 {
      guard let number = numbers[ObjectIdentifier(buffer)] else { throw Self.incomplete }
      return number
    }

    let offset = image.count
    var blockOffset = offset + commands.count * MemoryLayout<ProgramCommand>.stride
    var records: [ProgramCommand] = []
    var blocks: [UInt8] = []
    for dispatch in commands {
      var record = ProgramCommand()
      guard let number = program.numbers[dispatch.programVariant] else { throw Self.incomplete }
      record.number = UInt32(number)
      (record.x, record.y, record.z) = (
        try Self.word(dispatch.units.x), try Self.word(dispatch.units.y), try Self.word(dispatch.units.z)
      )
      _ = try Self.word(dispatch.units.count)
      record.block = UInt32(blockOffset - offset)
      let indices = try dispatch.buffers().map(root)
      withUnsafeMutableBytes(of: &record.roots) { memory in
        for (index, root) in indices.enumerated() {
          memory.storeBytes(of: root, toByteOffset: index * 4, as: UInt32.self)
        }
      }
      record.count_root = .max
      if let count = dispatch.count, case .buffer(let buffer) = count.memory {
        record.count_root = try root(buffer)
        record.count_offset = UInt64(count.byteOffset)
      }
      records.append(record)
      blocks += dispatch.placedBlock()
      blockOffset += dispatch.block.count
    }
    records.withUnsafeBytes { image += $0 }
    image += blocks
    // A program that was made for more steps may have more buffers.
    roots += Array(repeating: memory.buffer, count: program.rootCount - roots.count)
    return Segment(kernel: program.kernel, roots: roots, offset: offset, commandCount: commands.count)
  }

  /// The buffers of a segment's commands, each once, and what its program must have.
  static func requirements(_ commands: [Dispatch]) throws -> (roots: [Buffer], program: KernelLibrary.StepVariants) {
    var roots: [Buffer] = []
    var seen: Set<ObjectIdentifier> = []
    for dispatch in commands {
      var own = try dispatch.buffers()
      guard own.count <= mostViews else {
        throw OperatorError(
          .shape, "\(dispatch.variant.function) has \(own.count) views: a step program's command has \(mostViews)")
      }
      if case .buffer(let buffer)? = dispatch.count?.memory { own.append(buffer) }
      roots += own.filter { seen.insert(ObjectIdentifier($0)).inserted }
    }
    return (roots, .init(variants: Set(commands.map(\.programVariant)), rootCount: roots.count))
  }

  private static var incomplete: OperatorError { OperatorError(.unplaced, "a program that lacks what its step needs") }

  private static func word(_ value: Int) throws(OperatorError) -> UInt32 {
    guard let word = UInt32(exactly: value), word < 1 << 31 else {
      throw OperatorError(.shape, "\(value) units of work: at most 2^31 are possible")
    }
    return word
  }

  /// Enqueues the step.
  package func run() throws {
    do {
      for part in parts {
        switch part {
        case .launch(let dispatch): try queue.dispatch(dispatch, library)
        case .segment(let segment):
          let place = counters.next(segment.commandCount)
          let block = ProgramArguments(
            commands_offset: UInt64(segment.offset), counters_offset: UInt64(place.use),
            cleared_offset: UInt64(place.clear), count: UInt32(segment.commandCount),
            cleared_count: UInt32(place.clearCount))
          try queue.enqueue(
            segment.kernel, over: NDRange(global: [groupCount], local: [1]),
            buffers: segment.roots + [memory.buffer, counters.memory.buffer],
            block: withUnsafeBytes(of: block) { Array($0) })
        }
      }
    } catch {
      counters.reset(on: queue)
      throw error
    }
  }
}

extension Dispatch {
  var programVariant: ProgramSource.Variant {
    ProgramSource.Variant(variant: variant, blockName: blockName, viewCount: views.count)
  }
}

extension ProgramSource.Variant {
  /// By which a program's variants are sorted.
  var order: String {
    "\(variant.file) \(variant.function) \(variant.defines.map { "\($0.name)=\($0.value)" }.joined(separator: " "))"
  }
}
