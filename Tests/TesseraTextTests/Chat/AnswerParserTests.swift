import TesseraJSON
import Testing

@testable import TesseraText

@Suite("Answers with tools and thoughts")
struct AnswerParserTests {
  /// A template's text with the marks of a format.
  private enum Style: String, CaseIterable {
    case tagged = "<tool_call> <think>"
    case bare = "Environment: ipython \"parameters\""
    case listed = "[AVAILABLE_TOOLS][TOOL_CALLS]"
    case channels = "<|start|>system<|message|>…<|channel|>analysis"
    case plain = "messages"

    func parser(_ prompt: String = "", hasTools: Bool = true) throws -> AnswerParser {
      AnswerParser(try ChatTemplate(source: "{# \(rawValue) #}"), prompt: prompt, hasTools: hasTools)
    }
  }

  private func answer(
    _ style: Style, _ pieces: [String], prompt: String = "", hasTools: Bool = true
  ) throws -> ParsedAnswer {
    var parser = try style.parser(prompt, hasTools: hasTools)
    var answer = ParsedAnswer()
    for piece in pieces { parser.append(piece).forEach { answer.append($0) } }
    parser.finish().forEach { answer.append($0) }
    return answer
  }

  /// What the parser makes of a text, in short.
  private func short(_ style: Style, _ text: String, prompt: String = "", hasTools: Bool = true) throws -> String {
    let answer = try answer(style, [text], prompt: prompt, hasTools: hasTools)
    let calls = answer.toolCalls.map { "\($0.name)(\($0.arguments))" }.joined(separator: ";")
    return "\(answer.reasoning)|\(answer.content)|\(calls)"
  }

  private static let arguments = #"{"city": "Paris, \"FR\"", "days": [1, {"a": "}"}]}"#
  private static let weather = #"{"name": "get_weather", "arguments": \#(arguments)}"#
  private static let weatherCall = "get_weather(\(arguments))"

  @Test("text that comes with a control token stands before its mark")
  func marks() throws {
    let names = (0..<256).map { byte in "<0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">"
    }
    var definition = TokenizerDefinition(model: .sentencePiece, tokens: ByteStrings(texts: names + ["<tool_call>"]))
    definition.tokenTypes = [Int32](repeating: 6, count: 256) + [3]
    let template = try ChatTemplate(source: "{# <tool_call> #}")
    var parser = AnswerParser(template, tokenizer: try Tokenizer(definition), hasTools: true)
    var answer = ParsedAnswer()
    parser.append("held back", id: 256).forEach { answer.append($0) }
    parser.append(Self.weather).forEach { answer.append($0) }
    parser.finish().forEach { answer.append($0) }
    #expect(answer.content == "held back" && answer.toolCalls.map(\.name) == ["get_weather"])
  }

  @Test("calls between tags, as Hermes and Qwen write them")
  func tagged() throws {
    let call = "<tool_call>\n\(Self.weather)\n</tool_call>"
    #expect(try short(.tagged, call) == "||\(Self.weatherCall)")
    #expect(
      try short(.tagged, "Let me see.\n\(call)\n\(call)\nDone")
        == "|Let me see.\nDone|\(Self.weatherCall);\(Self.weatherCall)")
    #expect(try short(.tagged, "<think>\nhm</think>\n\nHi \(call)") == "\nhm|Hi |\(Self.weatherCall)")
    #expect(try short(.tagged, "hm <think></think>x", prompt: "<|im_start|>assistant\n<think>\n") == "hm <think>|x|")
    #expect(
      try short(.tagged, #"<tool_call>{"arguments": "{\"a\": 1}", "id": 3, "name": "f"}</tool_call>"#)
        == #"||f({"a": 1})"#)
    #expect(try short(.tagged, #"<tool_call>{"name": "f"}</tool_call>"#) == "||f({})")
    // Calls that are none.
    #expect(try short(.tagged, "<tool_call>f(x)</tool_call>") == "|<tool_call>f(x)</tool_call>|")
    #expect(try short(.tagged, #"<tool_call>{"n": 1}</tool_call>"#) == #"|<tool_call>{"n": 1}</tool_call>|"#)
    #expect(try short(.tagged, "a <tool_c") == "|a <tool_c|")
    #expect(try short(.tagged, "<tool_call>{\"name\": \"f") == "|<tool_call>{\"name\": \"f|")
    #expect(try short(.tagged, #"<tool_call>{"name": "f", "arguments": {"a": 1"#) == #"||f({"a": 1)"#)
    // A closing tag that is cut, or is none.
    for count in 1...11 { #expect(try short(.tagged, String(call.dropLast(count))) == "||\(Self.weatherCall)") }
    #expect(try short(.tagged, call + "</tool") == "|</tool|\(Self.weatherCall)")
    #expect(try short(.tagged, call, hasTools: false) == "|\(call)|")
  }

  @Test("bare JSON, as Llama 3 writes it")
  func bare() throws {
    let call = Self.weather.replacing("arguments", with: "parameters")
    #expect(try short(.bare, call) == "||\(Self.weatherCall)")
    #expect(try short(.bare, "<|python_tag|>\(call); \(call)") == "||\(Self.weatherCall);\(Self.weatherCall)")
    #expect(try short(.bare, " Hello {}") == "| Hello {}|")
    #expect(try short(.bare, #"{"name": "Bob", "age": 3}"#) == #"|{"name": "Bob", "age": 3}|"#)
    #expect(try short(.bare, "<|python_tag|>print(1)") == "|<|python_tag|>print(1)|")
    #expect(try short(.bare, "\(call) and more") == "|and more|\(Self.weatherCall)")
    #expect(try short(.bare, call, hasTools: false) == "|\(call)|")
  }

  @Test("lists and names behind a mark, as Mistral's models write them")
  func listed() throws {
    #expect(
      try short(.listed, "[TOOL_CALLS] [\(Self.weather), \(Self.weather)]")
        == "||\(Self.weatherCall);\(Self.weatherCall)")
    #expect(
      try short(.listed, "Well[TOOL_CALLS]f[ARGS]{\"a\": \"}\"}[TOOL_CALLS]g{}")
        == "|Well|f({\"a\": \"}\"});g({})")
    #expect(try short(.listed, "[TOOL_CALLS]f[CALL_ID]abc[ARGS]{}") == "||f({})")
    #expect(try short(.listed, "[TOOL_CALLS]no call!") == "|[TOOL_CALLS]no call!|")
    #expect(try short(.listed, "[TOOL_CALLS][]") == "|[TOOL_CALLS][]|")
    #expect(try short(.listed, "[TOOL_CALLS][{\"x\": 1}]") == "|[TOOL_CALLS][{\"x\": 1}]|")
    #expect(try short(.listed, "a [TOOL") == "|a [TOOL|")
  }

  @Test("channels, as gpt-oss writes them")
  func channels() throws {
    let thought = "<|channel|>analysis<|message|>Think.<|end|>"
    let header = "<|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
    let call = header + "{\"city\": 1}<|call|>"
    #expect(
      try short(.channels, "\(thought)<|start|>assistant<|channel|>final<|message|>Hi.<|return|>") == "Think.|Hi.|")
    #expect(try short(.channels, thought + call) == "Think.||get_weather({\"city\": 1})")
    #expect(
      try short(.channels, " to=functions.f<|channel|>commentary json<|message|>{}<|call|>") == "||f({})")
    #expect(
      try short(.channels, "<|channel|>commentary<|message|>I will look.<|end|>\(call)")
        == "|I will look.|get_weather({\"city\": 1})")
    #expect(try short(.channels, "plain text") == "|plain text|")
    #expect(try short(.channels, "<|channel|>ana") == "||")
    #expect(try short(.channels, "<|channel|>analysis<|message|>a < b <|en") == "a < b <|en||")
    let long = String(repeating: "x", count: 5_000)
    #expect(try short(.channels, long + "<|message|>y") == "|\(long)<|message|>y|")
  }

  @Test("a template without marks: all is content")
  func plain() throws {
    #expect(try short(.plain, "<think>a</think> <tool_call>{}") == "|<think>a</think> <tool_call>{}|")
    var parser = AnswerParser(nil, hasTools: true)
    #expect(parser.append("[TOOL_CALLS]") == [.content("[TOOL_CALLS]")] && parser.finish() == [])
  }

  @Test("arguments come as they are written")
  func streams() throws {
    var parser = try Style.tagged.parser()
    #expect(parser.append("Hi <tool") == [.content("Hi ")])
    #expect(parser.append("_call>{\"name\": \"f\", \"argu") == [])
    #expect(parser.append("ments\": {\"a\"") == [.toolCall(ToolCallDelta(index: 0, name: "f", arguments: "{\"a\""))])
    #expect(parser.append(": 1") == [.toolCall(ToolCallDelta(index: 0, arguments: ": 1"))])
    #expect(parser.append("}}</tool_call>") == [.toolCall(ToolCallDelta(index: 0, arguments: "}"))])
    #expect(parser.finish() == [])
  }

  @Test("what may become a call is held back within bounds; arguments may be long")
  func bounds() throws {
    var parser = try Style.tagged.parser()
    var answer = ParsedAnswer()
    let text = "<tool_call>{\"x\": \"" + String(repeating: "y", count: 1 << 17)
    for piece in text.split(by: 1_000) { parser.append(piece).forEach { answer.append($0) } }
    #expect(answer.content.utf8.count > 1 << 16)
    let head = "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": \""
    let long = head + String(repeating: "y", count: 1 << 17) + "\"}}</tool_call>"
    let call = try self.answer(.tagged, [long]).toolCalls
    #expect(call.count == 1 && call[0].arguments.utf8.count > 1 << 17)
  }

  @Test("however the text is cut, the pieces add up to the same")
  func cuts() throws {
    var generator = SystemRandomNumberGenerator()
    let parts = [
      "<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>",
      "<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|call|>", "<|constrain|>", "analysis", "final",
      "commentary to=functions.f ", Self.weather, "{", "}", "[", "]", ",", ";", "\"", "\\", "{\"name\": \"f\", ",
      "\"arguments\": ", "\"parameters\": {\"a\": 1}}", " ", "\n", "text", "é☃", "<", "f", "{}",
    ]
    for style in Style.allCases {
      for _ in 0..<400 {
        let text = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
          parts.randomElement(using: &generator) ?? ""
        }.joined()
        let whole = try answer(style, [text])
        #expect(try answer(style, text.map(String.init)) == whole, "\(style) \(text.debugDescription)")
        let size = Int.random(in: 2...9, using: &generator)
        #expect(try answer(style, text.split(by: size)) == whole, "\(style) \(text.debugDescription)")
      }
    }
  }
}

extension String {
  /// Pieces of so many characters.
  fileprivate func split(by size: Int) -> [String] {
    var pieces: [String] = []
    var rest = self[...]
    while !rest.isEmpty {
      pieces.append(String(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    return pieces
  }
}
