import COpenCL
import Synchronization
import Testing

@testable import TesseraCL

@Suite("Builds that fail without a reason")
struct BuildRetryTests {
  private static let silent = "Device pthread-AMD failed to build the program\n"

  /// The attempts made where the first ones fail so, and what came of it.
  private func run(_ failures: [BuildRetry.Failure]) throws -> (attempts: Int, retries: Int, value: Int?) {
    var (attempts, retries) = (0, 0)
    let result: Result<Int, BuildRetry.Failure> = try BuildRetry.run { () throws(CLError) in
      attempts += 1
      return attempts <= failures.count ? .failure(failures[attempts - 1]) : .success(7)
    } onRetry: { _ in
      retries += 1
    }
    return (attempts, retries, try? result.get())
  }

  @Test("a build that fails once or twice without a compiler's message is tried again", arguments: 0...2)
  func retried(count: Int) throws {
    let failure = BuildRetry.Failure(status: CL_BUILD_PROGRAM_FAILURE, log: count == 1 ? "" : Self.silent)
    let (attempts, retries, value) = try run(Array(repeating: failure, count: count))
    #expect(attempts == count + 1 && retries == count && value == 7)
  }

  @Test("one that always fails is given up after three tries")
  func givenUp() throws {
    let failure = BuildRetry.Failure(status: CL_BUILD_PROGRAM_FAILURE, log: Self.silent)
    let (attempts, _, value) = try run(Array(repeating: failure, count: 9))
    #expect(attempts == 3 && value == nil)
  }

  @Test(
    "a compiler's error, and another status, are not",
    arguments: [
      (CL_BUILD_PROGRAM_FAILURE, "x.cl:1:2: error: use of undeclared identifier 'x'"),
      (CL_BUILD_PROGRAM_FAILURE, "ptxas fatal   : Unresolved extern function 'f'"),
      (CL_BUILD_PROGRAM_FAILURE, "Build failed: undefined symbol f"), (CL_INVALID_BUILD_OPTIONS, ""),
      (CL_OUT_OF_HOST_MEMORY, ""),
    ])
  func final(status: Int32, log: String) throws {
    let (attempts, retries, _) = try run([BuildRetry.Failure(status: status, log: log)])
    #expect(attempts == 1 && retries == 0)
  }
}
