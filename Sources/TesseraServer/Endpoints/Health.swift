import TesseraJSON

extension API {
  /// `/health`
  func health() -> Reply {
    if admission.isDraining { return Reply(.draining) }
    return Reply(["status": "ok"])
  }
}
