import ArgumentParser
import Foundation
import TesseraSystem

/// The `tessera` command: its subcommands, and how errors leave it.
@main
struct TesseraCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tessera", abstract: "Large language models on any OpenCL device.",
    version: "tessera 0.1.0",
    subcommands: [
      DevicesCommand.self, GenerateCommand.self, ChatCommand.self, TokenizeCommand.self, TemplateCommand.self,
      LogitsCommand.self, PerplexityCommand.self, InspectCommand.self, ConvertCommand.self, BenchCommand.self, TuneCommand.self,
      DoctorCommand.self,
    ])

  static func main() async {
    Terminal.ignoreBrokenPipes()
    do {
      var command = try parseAsRoot(Array(CommandLine.pathArguments.dropFirst()))
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as any CommandLineError {
      exit(withError: error.asUsageError)
    } catch {
      // The parser's own errors, help and version texts among them, know their exit status.
      guard Self.exitCode(for: error) == .failure else { exit(withError: error) }
      Terminal.fail(error)
    }
  }
}

/// An error in how the command was called, found after parsing.
protocol CommandLineError: Error {
  var asUsageError: ValidationError { get }
}

struct UsageError: CommandLineError {
  let message: String
  var asUsageError: ValidationError { ValidationError(message) }
}
