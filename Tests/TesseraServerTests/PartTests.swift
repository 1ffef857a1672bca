import Foundation
import Testing

@testable import TesseraServer

@Suite("Parts of the server")
struct PartTests {
  @Test("a form's parts are its bytes, whatever they are")
  func multipart() throws {
    let content: [UInt8] = [13, 10, 45, 45, 0, 255, 13, 10, 13, 10, 120]
    var body = Array("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n".utf8)
    body +=
      Array("--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nX: y\r\n\r\n".utf8) + content
    body += Array("\r\n--b--\r\n".utf8)
    let form = try Multipart(body, contentType: "multipart/form-data; boundary=\"b\"")
    #expect(try form.text("model") == "whisper")
    #expect(form.parts.count == 2 && Array(form.parts[1].content) == content)
    #expect(form.parts[1].fileName == "a.wav")
    #expect(try form.text("nothing") == nil)
    // Wherever it is cut off, it is refused.
    for end in 0..<body.count - 4 {
      #expect(throws: APIError.self, "\(end)") {
        try Multipart(Array(body[..<end]), contentType: "multipart/form-data; boundary=b")
      }
    }
    #expect(throws: APIError.self) { try Multipart(body, contentType: "multipart/form-data") }
  }

  @Test("a histogram counts what is at most as large as its bounds")
  func histogram() {
    var histogram = Histogram([1, 2])
    for value in [0.5, 1, 1.5, 3] { histogram.add(value) }
    var page = PrometheusPage()
    page.histogram("h", "a\"b", histogram)
    #expect(
      page.text == #"""
        h_bucket{model_name="a\"b",le="1"} 2
        h_bucket{model_name="a\"b",le="2"} 3
        h_bucket{model_name="a\"b",le="+Inf"} 4
        h_sum{model_name="a\"b"} 6
        h_count{model_name="a\"b"} 4

        """#)
  }

  @Test("dates are written as HTTP has them")
  func date() {
    #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
  }

  @Test("no more bytes of bodies are held than may be, and what is let go is free again")
  func bodies() throws {
    let budget = BodyBudget(limit: 10)
    var first: BodyBudget.Share? = BodyBudget.Share(budget)
    try first?.take(4)
    try first?.take(4)
    let second = BodyBudget.Share(budget)
    #expect(throws: APIError.self) { try second.take(3) }
    try second.take(2)
    first = nil
    try second.take(8)
    #expect(throws: APIError.self) { try second.take(1) }
  }

  @Test("a text that takes long holds up no other")
  func texts() async throws {
    let lines = TextLines()
    let other = DispatchSemaphore(value: 0)
    let (beginnings, begun) = AsyncStream<Void>.makeStream()
    let long = Task {
      try await lines.run {
        begun.finish()
        return other.wait(timeout: .now() + 600) == .success
      }
    }
    for await _ in beginnings {}
    for _ in 0..<3 { try await lines.run { _ = other.signal() } }
    #expect(try await long.value)
  }

  @Test("a model is called as its file")
  func names() {
    #expect(ServedModel.name(ofPath: "/a/b/Model-Q4.1.gguf") == "Model-Q4.1")
    #expect(ServedModel.name(ofPath: "folder/whisper.tiny/") == "whisper.tiny")
  }
}
