import Crypto
import Foundation
import Testing

@testable import TesseraServer

@Suite("The chat page")
struct PageTests {
  @Test("it is one file, whose policy knows its style and its script, and nothing else")
  func whole() throws {
    let page = ChatPage.text
    #expect(page.hasPrefix("<!doctype html>") && page.hasSuffix("</html>\n"))
    // No part is missing.
    #expect(page.firstMatch(of: /\{\{[a-z.]+\}\}/) == nil)
    for pattern in [/<style>((?s:.*?))<\/style>/, /<script type="module">((?s:.*?))<\/script>/] {
      let content = try #require(page.firstMatch(of: pattern)).1
      #expect(content.count > 1000)
      let digest = Data(SHA256.hash(data: Data(content.utf8))).base64EncodedString()
      #expect(page.contains("-src 'sha256-\(digest)'"))
    }
    #expect(page.matches(of: /<(?:script|style)/).count == 2 && page.contains("default-src 'none'"))
    // What it loads is in it.
    for match in page.matches(of: /(?:src|href)="([^"]*)"/) {
      #expect(match.1.hasPrefix("#") || match.1.hasPrefix("data:"), "\(match.1)")
    }
  }
}
