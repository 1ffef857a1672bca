import Foundation
import TesseraMemory
import TesseraOperators
import TestSupport
import Testing

@testable import Tessera

extension ModelSuites {
  /// `TESSERA_SCHEDULES` says how many, else there are as many as fit in a minute, at most 4,800, and of each kind `leastCount`;
  /// `TESSERA_SCHEDULE_FIRST` is the number of the first one: each is drawn by its number alone, and shares no prefix with those before it.
  @Suite("Random schedules of the engine", .timeLimit(.minutes(120)))
  struct EngineScheduleTests {
    /// An engine with little room.
    enum Kind: String, CaseIterable, Sendable {
      case programs, launches, host, disk, window

      /// Its part of twenty schedules.
      var share: Int {
        switch self {
        case .programs, .launches: 6
        case .host: 4
        case .disk, .window: 2
        }
      }

      /// The kind without stores: each request gets alone what it gets there.
      var base: Kind { self == .host || self == .disk ? .programs : self }

      var longest: Int { self == .window ? 320 : 200 }
      var context: Int { self == .window ? 384 : 256 }
      var chunk: Int { 96 }

      func load(isCold: Bool, folder: String) async throws -> LanguageModel {
        let model: SyntheticModel = self == .window ? .gemma3 : .llama
        let style: KernelStyle = self == .launches || self == .window ? .simt : .vector
        let language = try await model.loadEndless(sequences: 2, context: context, chunk: chunk, style: style) {
          if self == .window { SyntheticModel.twoLayers(&$0) } else { SyntheticModel.oneLayer(&$0) }
        } configure: {
          $0.prefixCache = !isCold
          guard !isCold else { return }
          if self == .host || self == .window { $0.hostCacheBytes = 2 << 20 }
          if self == .disk { $0.diskCache = .init(folder: folder, byteLimit: 2 << 20) }
        }
        await language.engine.loadAlways()
        await language.engine.pause()
        return language
      }
    }

    /// What each request gets alone.
    private func answers(_ kind: Kind) async throws -> [KnownRequest] {
      let cold = try await kind.load(isCold: true, folder: "")
      var all = try KnownRequest.all(longest: kind.longest)
      for index in all.indices {
        all[index].answer = try await cold.engine.alone(all[index])
        all[index].beams = try await cold.beamBits(all[index], salt: nil)
        all[index].scores = try await cold.scoreBits(all[index], salt: nil)
      }
      #expect(Set(all.map(\.answer.tokens)).count > all.count * 2 / 3)
      #expect(all.allSatisfy { $0.answer.logits.count == $0.answer.tokens.count && !$0.answer.tokens.isEmpty })
      return all
    }

    private func faults(
      _ schedule: EngineSchedule, _ known: [KnownRequest], _ language: LanguageModel
    ) async -> [String] {
      do {
        return try await language.engine.run(schedule, known, on: language, salt: "\(schedule.number)")
      } catch { return ["\(error)"] }
    }

    /// Schedules of a kind that run however long that takes: of so many all is to be expected that the kind is there for.
    private static let leastCount = 40
    /// Schedules that have found faults; they come first.
    private static let remembered = [770]

    private func check(
      _ kind: Kind, _ known: [KnownRequest], _ numbers: Range<Int>, atMost limit: Duration
    ) async throws -> (count: Int, statistics: EngineStatistics) {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      let language = try await kind.load(isCold: false, folder: folder.path)
      let start = ContinuousClock.now
      var count = 0
      for number in Self.remembered + numbers where count < Self.leastCount || start.duration(to: .now) < limit {
        count += 1
        let schedule = EngineSchedule(
          number, known: known.count, variants: KnownRequest.variants, context: kind.context, chunk: kind.chunk)
        let faults = await faults(schedule, known, language)
        guard !faults.isEmpty else { continue }
        // Each time an engine of its own: one that has failed may have something left of it.
        let shrunk = try await schedule.shrunk {
          let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
          defer { try? FileManager.default.removeItem(at: folder) }
          return await !self.faults($0, known, try kind.load(isCold: false, folder: folder.path)).isEmpty
        }
        let all = Set(faults).sorted().joined(separator: "; ")
        Issue.record("\(kind.rawValue): \(all); of \(schedule) this is left: \(shrunk)")
        break
      }
      let seconds = start.duration(to: .now)
      let steps = try await language.engine.withRunner { "\($0.preparedCount) of \($0.lastResult) steps prepared" }
      print("\(kind.rawValue): \(count) schedules, \(seconds), \(steps)")
      return await (count, language.engineStatistics())
    }

    @Test("whatever comes, goes, waits and gives way, each request has the logits and tokens that it has alone")
    func schedules() async throws {
      let environment = ProcessInfo.processInfo.environment
      let asked = environment["TESSERA_SCHEDULES"].flatMap { Int($0) }
      let count = asked ?? Grid.values([4800], small: [60])[0]
      let limit = asked == nil ? Duration.seconds(60) : .seconds(7200)
      let first = environment["TESSERA_SCHEDULE_FIRST"].flatMap { Int($0) } ?? 0
      let known = try await withThrowingTaskGroup(of: (Kind, [KnownRequest]).self) { group in
        for kind in Set(Kind.allCases.map(\.base)) { group.addTask { (kind, try await answers(kind)) } }
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      let all = try await withThrowingTaskGroup(of: (Kind, Int, EngineStatistics).self) { group in
        for kind in Kind.allCases {
          group.addTask {
            let numbers = first..<first + max(1, count * kind.share / 20)
            let ran = try await check(kind, known[kind.base] ?? [], numbers, atMost: limit)
            return (kind, ran.count, ran.statistics)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      for (kind, count, statistics) in all {
        #expect(asked != nil || Grid.isSmall || count >= Self.leastCount, "\(kind)")
        guard count >= Self.leastCount else { continue }
        #expect(statistics.swaps > 0 && statistics.recomputations > 0, "\(kind)")
        #expect(statistics.deviceHitTokens > 100, "\(kind)")
        if kind == .host || kind == .window { #expect(statistics.hostHitTokens > 100, "\(kind)") }
        if kind == .disk { #expect(statistics.diskHitTokens > 100, "\(kind)") }
      }
    }
  }
}
