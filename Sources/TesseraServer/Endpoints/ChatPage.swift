import Crypto
import Foundation

extension Reply {
  /// `/`: a page to chat with the models, which needs nothing from elsewhere.
  static let chatPage = {
    var reply = Reply(text: ChatPage.text, contentType: "text/html; charset=utf-8")
    // No other site shows it within its own pages.
    reply.headers = [("x-frame-options", "DENY"), ("cache-control", "no-cache")]
    return reply
  }()
}

/// The page as one file: `Page/page.html`, which says where the other parts stand.
enum ChatPage {
  private static let parts: [(name: String, bytes: [UInt8])] = [
    ("page.css", PackageResources.page_css), ("base.js", PackageResources.base_js),
    ("store.js", PackageResources.store_js), ("markdown.js", PackageResources.markdown_js),
    ("turns.js", PackageResources.turns_js), ("asking.js", PackageResources.asking_js),
    ("conversations.js", PackageResources.conversations_js), ("controls.js", PackageResources.controls_js),
  ]

  static let text = {
    var text = String(decoding: PackageResources.page_html, as: UTF8.self)
    for (name, bytes) in parts { text = text.replacing("{{\(name)}}", with: String(decoding: bytes, as: UTF8.self)) }
    // By these the page's policy knows them: nothing else runs.
    for tag in ["style", "script"] { text = text.replacing("{{\(tag)}}", with: digest(of: tag, in: text)) }
    return text
  }()

  /// SHA-256 of what stands in the first element of a kind.
  private static func digest(of tag: String, in page: String) -> String {
    guard let begin = page.firstRange(of: "<\(tag)"), let open = page[begin.upperBound...].firstIndex(of: ">"),
      let end = page[open...].firstRange(of: "</\(tag)>")
    else { return "" }
    let content = page[page.index(after: open)..<end.lowerBound]
    return Data(SHA256.hash(data: Data(content.utf8))).base64EncodedString()
  }
}
