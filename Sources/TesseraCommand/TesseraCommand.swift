import ArgumentParser
import Foundation
import Tessera
import TesseraSystem

/// The `tessera` command: its subcommands, and how errors leave it.
@main
struct TesseraCommand: AsyncParsableCommand {
  static let version = "tessera \(TesseraVersion.text)"
  static let configuration = CommandConfiguration(
    commandName: "tessera", abstract: "Large language models on any OpenCL device.",
    version: version,
    subcommands: [
      DevicesCommand.self,
      FamiliesCommand.self,
      GenerateCommand.self, ReplayCommand.self, ChatCommand.self, TokenizeCommand.self, TemplateCommand.self,
      LogitsCommand.self, HiddenCommand.self, EmbedCommand.self,
      RerankCommand.self,
      ClassifyCommand.self,
      ScoreCommand.self,
      TranscribeCommand.self,
      PerplexityCommand.self, InspectCommand.self,
      ConvertCommand.self, BenchCommand.self, TuneCommand.self, DoctorCommand.self,
    ] + serving)

  /// The server, where the package's trait asks for it.
  private static var serving: [any ParsableCommand.Type] {
    #if Server
      [ServeCommand.self]
    #else
      []
    #endif
  }

  static func main() async {
    Terminal.ignoreBrokenPipes()
    Terminal.occupyClosedDescriptors()
    CommandLog.start()
    do {
      var command = try parseAsRoot(joinDashes(Array(CommandLine.pathArguments.dropFirst())))
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

/// Arguments in which an option's text that begins with three dashes is joined to its option: the parser takes it for a
/// misspelled option, also where the option takes any text.
func joinDashes(_ arguments: [String]) -> [String] {
  let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
  var joined: [String] = []
  for argument in arguments[..<end] {
    if argument.hasPrefix("---"), let option = joined.last, option.hasPrefix("-"), !option.contains("=") {
      joined[joined.count - 1] = (option == "-p" ? "--prompt" : option) + "=" + argument
    } else {
      joined.append(argument)
    }
  }
  return joined + arguments[end...]
}

/// An error in how the command was called, found after parsing.
protocol CommandLineError: Error {
  var asUsageError: ValidationError { get }
}

struct UsageError: CommandLineError {
  let message: String
  var asUsageError: ValidationError { ValidationError(message) }
}
