import Foundation
import TesseraJSON
import Testing

@testable import TesseraServer

extension ServerSuites {
  @Suite("Forms of answers")
  struct FormTests {
    private static let schema =
      #"{"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"], "additionalProperties": false}"#
    private static let chat =
      #""messages": [{"role": "user", "content": "Why?"}], "max_tokens": 60, "temperature": 1, "seed": 1"#

    private func answer(_ more: String) async throws -> String {
      let (status, answer) = try await ServerFixture.api().send(
        "POST", "/v1/chat/completions", "{\(Self.chat), \(more)}")
      #expect(status == 200, "\(answer.text())")
      return answer["choices"][0]["message"]["content"].stringValue ?? ""
    }

    @Test(
      "an answer is valid by the schema, by whichever name it is asked for",
      arguments: [
        #""response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}"#,
        #""response_format": {"type": "json_object", "schema": SCHEMA}"#, #""json_schema": SCHEMA"#,
        #""guided_json": SCHEMA"#, #""structured_outputs": {"json": SCHEMA}"#,
      ])
    func schemas(ask: String) async throws {
      let text = try await answer(ask.replacingOccurrences(of: "SCHEMA", with: Self.schema))
      let value = try JSONValue(parsing: text, options: .request)
      #expect(value == ["a": "x"] || value == ["a": "y"])
    }

    @Test("an answer is what an expression, a grammar or a choice says")
    func others() async throws {
      let choice = try await answer(#""guided_choice": ["ab", "cd\"e"]"#)
      #expect(["ab", "cd\"e"].contains(choice))
      let number = try await answer(#""guided_regex": "[0-9]{3}""#)
      #expect(number.count == 3 && number.allSatisfy { $0.isASCII && $0.isNumber })
      let word = try await answer(#""grammar": "root ::= \"q\" [a-c] \"z\"""#)
      #expect(["qaz", "qbz", "qcz"].contains(word))
    }

    @Test("a response has the form that its text asks for")
    func responses() async throws {
      let format = #"{"type": "json_schema", "name": "n", "schema": \#(Self.schema)}"#
      let (status, answer) = try await ServerFixture.api().send(
        "POST", "/v1/responses",
        #"{"input": "a", "max_output_tokens": 60, "seed": 2, "text": {"format": \#(format)}}"#)
      #expect(status == 200)
      let text = try #require(answer["output"][0]["content"][0]["text"].stringValue)
      #expect(try JSONValue(parsing: text, options: .request)["a"].stringValue != nil)
    }

    @Test(
      "what cannot be served is refused, and says why",
      arguments: [
        (#""response_format": {"type": "sound"}"#, "response_format.type"),
        (#""response_format": {"type": "json_schema"}"#, "response_format.schema"),
        (
          #""response_format": {"type": "json_schema", "json_schema": {"name": "n"}}"#,
          "response_format.json_schema.schema"
        ),
        (#""response_format": 5"#, "response_format"), (#""json_schema": {"type": "cat"}"#, "json_schema"),
        (#""grammar": "root ::= nothing""#, "grammar"), (#""guided_regex": "(""#, "guided_regex"),
        (#""guided_choice": []"#, "guided_choice"),
        (#""grammar": "root ::= \"a\"", "guided_regex": "a""#, "guided_regex"),
      ])
    func refused(ask: String, param: String) async throws {
      let (status, answer) = try await ServerFixture.api().send(
        "POST", "/v1/chat/completions", "{\(Self.chat), \(ask)}")
      #expect(status == 400)
      #expect(answer["error"]["param"].stringValue == param)
    }
  }
}
