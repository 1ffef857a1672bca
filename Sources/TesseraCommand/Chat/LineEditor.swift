import CEditLine
import Foundation
import TesseraSystem

/// Lines from the terminal, which the user edits and calls up again (libedit), or from a file or pipe, as they stand.
///
/// libedit keeps one history for the process: one editor at a time.
struct LineEditor {
  private let isEditing: Bool
  private let history: InputHistory?

  /// - Parameter history: where lines are kept from one run to the next; nil keeps them nowhere.
  init(history: InputHistory?) {
    // Its prompts and echoes go to standard output.
    isEditing = Terminal.standardInputIsTerminal && isatty(STDOUT_FILENO) != 0
    self.history = isEditing ? history : nil
    guard isEditing else { return }
    // Which bytes are one character: the user's choice, but for those that know ASCII alone.
    if setlocale(LC_CTYPE, "") == nil || String(cString: nl_langinfo(nl_item(CODESET))) != "UTF-8" {
      setlocale(LC_CTYPE, "C.UTF-8")
    }
    using_history()
    stifle_history(Int32(InputHistory.lineLimit))
    for line in self.history?.lines ?? [] { add_history(line) }
  }

  /// The next line without its end; nil at the input's end.
  func readLine(prompt: String) -> String? {
    guard isEditing else {
      if Terminal.standardInputIsTerminal { Terminal.write(prompt) }
      return Swift.readLine()
    }
    guard let bytes = readline(prompt) else {
      // The shell's prompt begins a line.
      Terminal.print("")
      return nil
    }
    defer { free(bytes) }
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: strlen(bytes)), as: UTF8.self)
    if InputHistory.isKept(line) {
      add_history(line)
      history?.append(line)
    }
    return line
  }
}
