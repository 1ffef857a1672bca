import Tessera
import TesseraJSON
import TesseraText

/// An event of a response, but for its number.
struct ResponseEvent: Sendable {
  let name: String
  let fields: JSONObject
}

/// The items of a response's output as its answer comes: thoughts, texts and calls, and the events that tell of them.
struct ResponseOutput: Sendable {
  private enum Kind: Equatable {
    case reasoning, message
    /// Of the answer's calls that with a number.
    case call(Int)
  }

  /// The item that is being made.
  private struct Item {
    let kind: Kind
    let id: String
    let callID = API.id("call_")
    /// Of the function that is called.
    let name: String
    var text = ""
  }

  private let parsers: ChoiceParsers
  private var item: Item?
  /// Those that are complete.
  private(set) var items: [JSONValue] = []
  /// Tokens of thoughts.
  private(set) var reasoningTokens = 0
  /// Once the answer has ended.
  private(set) var result: GenerationResult?

  init(_ request: ConversationRequest) { parsers = ChoiceParsers(request, count: 1) }

  /// Takes an event of the answer, in the end the last one.
  mutating func take(_ event: GenerationEvent) -> [ResponseEvent] {
    var events: [ResponseEvent] = []
    let deltas = parsers.take(0, event).deltas
    for delta in deltas {
      switch delta {
      case .content(let text): add(text, to: .message, &events)
      case .reasoning(let text): add(text, to: .reasoning, &events)
      case .toolCall(let part): add(part.arguments, to: .call(part.index), name: part.name ?? "", &events)
      }
    }
    switch event {
    case .token: if deltas.contains(where: { if case .reasoning = $0 { true } else { false } }) { reasoningTokens += 1 }
    case .finished(let result):
      // A response has an item.
      if items.isEmpty, item == nil { begin(.message, "", &events) }
      close(isCut: result.finishReason == .length, &events)
      self.result = result
    }
    return events
  }

  private mutating func add(_ text: String, to kind: Kind, name: String = "", _ events: inout [ResponseEvent]) {
    if text.isEmpty, name.isEmpty { return }
    if item?.kind != kind {
      close(isCut: false, &events)
      begin(kind, name, &events)
    }
    guard !text.isEmpty, let id = item?.id else { return }
    item?.text += text
    let delta: JSONObject = ["delta": .string(text)]
    switch kind {
    case .reasoning: send("reasoning_text.delta", inPart(id, delta), &events)
    case .message: send("output_text.delta", inPart(id, delta + ["logprobs": []]), &events)
    case .call: send("function_call_arguments.delta", inItem(id, delta), &events)
    }
  }

  private mutating func begin(_ kind: Kind, _ name: String, _ events: inout [ResponseEvent]) {
    let prefix =
      switch kind {
      case .reasoning: "rs_"
      case .message: "msg_"
      case .call: "fc_"
      }
    let item = Item(kind: kind, id: API.id(prefix), name: name)
    self.item = item
    let place = items.count
    send("output_item.added", ["output_index": .int(place), "item": Self.document(item, "in_progress")], &events)
    if let part = Self.part(item) { send("content_part.added", inPart(item.id, ["part": part]), &events) }
  }

  /// - Parameter isCut: whether the answer ended within the item.
  private mutating func close(isCut: Bool, _ events: inout [ResponseEvent]) {
    guard let item else { return }
    let text = JSONValue.string(item.text)
    switch item.kind {
    case .reasoning: send("reasoning_text.done", inPart(item.id, ["text": text]), &events)
    case .message: send("output_text.done", inPart(item.id, ["text": text, "logprobs": []]), &events)
    case .call:
      send("function_call_arguments.done", inItem(item.id, ["name": .string(item.name), "arguments": text]), &events)
    }
    if let part = Self.part(item) { send("content_part.done", inPart(item.id, ["part": part]), &events) }
    let document = Self.document(item, isCut ? "incomplete" : "completed")
    send("output_item.done", ["output_index": .int(items.count), "item": document], &events)
    items.append(document)
    self.item = nil
  }

  // MARK: Documents

  private func send(_ name: String, _ fields: JSONObject, _ events: inout [ResponseEvent]) {
    events.append(ResponseEvent(name: "response." + name, fields: fields))
  }

  private func inItem(_ id: String, _ fields: JSONObject) -> JSONObject {
    ["item_id": .string(id), "output_index": .int(items.count)] + fields
  }

  private func inPart(_ id: String, _ fields: JSONObject) -> JSONObject {
    inItem(id, ["content_index": 0] + fields)
  }

  /// The one part of an item's content; nil for what has none.
  private static func part(_ item: Item) -> JSONValue? {
    switch item.kind {
    case .reasoning: ["type": "reasoning_text", "text": .string(item.text)]
    case .message: ["type": "output_text", "text": .string(item.text), "annotations": [], "logprobs": []]
    case .call: Optional.none
    }
  }

  private static func document(_ item: Item, _ status: String) -> JSONValue {
    // What has just begun has no parts yet.
    let content = JSONValue.array(status == "in_progress" ? [] : part(item).map { [$0] } ?? [])
    switch item.kind {
    case .reasoning:
      return [
        "id": .string(item.id), "type": "reasoning", "status": .string(status), "summary": [], "content": content,
      ]
    case .message:
      return [
        "id": .string(item.id), "type": "message", "status": .string(status), "role": "assistant", "content": content,
      ]
    case .call:
      return [
        "id": .string(item.id), "type": "function_call", "status": .string(status), "call_id": .string(item.callID),
        "name": .string(item.name), "arguments": .string(item.text),
      ]
    }
  }
}

extension JSONObject {
  /// Both members, those of the second last.
  static func + (first: JSONObject, second: JSONObject) -> JSONObject {
    var result = first
    for (key, value) in second.members { result[key] = value }
    return result
  }
}
