extension Reply {
  /// `/`: a page to chat with the models, which needs nothing from elsewhere.
  static let chatPage = {
    var reply = Reply(
      text: String(decoding: PackageResources.chat_html, as: UTF8.self), contentType: "text/html; charset=utf-8")
    // No other site shows it within its own pages.
    reply.headers = [("x-frame-options", "DENY"), ("cache-control", "no-cache")]
    return reply
  }()
}
