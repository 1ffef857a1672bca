import Foundation
import TesseraCL
import TesseraFiles
import TesseraModels

let args = CommandLine.arguments
let file = try GGUFFile(path: args[1])
let tokens = args[2].split(separator: ",").map { Int($0)! }
let chunk = Int(args[3])!
var t0 = Date()
var options = Transformer.Options()
options.chunkSize = chunk
if args.count > 5 { options.style = args[5] == "simt" ? .simt : .vector }
let model = try Transformer(file, on: try Device.select(), options: options)
print("load", Date().timeIntervalSince(t0))
t0 = Date()
let seq = try model.cache.makeSequence()
var out: [Float] = []
for s in stride(from: 0, to: tokens.count, by: chunk) {
  let piece = Array(tokens[s..<min(s + chunk, tokens.count)])
  try model.forward(Batch([.init(sequence: seq, tokens: piece)]))
  for r in stride(from: 0, to: piece.count, by: model.logitRows) {
    out += try model.logits(rows: r..<min(r + model.logitRows, piece.count))
  }
}
print("logits", Date().timeIntervalSince(t0))
try out.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: args[4]))
if args.count > 6 {
  for _ in 0..<3 {
  var n = 0
  let s2 = try model.cache.makeSequence()
  t0 = Date()
  try model.forward(Batch([.init(sequence: s2, tokens: (0..<512).map { 100 + $0 })]))
  try model.finish()
  print("pp512", 512 / Date().timeIntervalSince(t0))
  let s3 = try model.cache.makeSequence()
  var tok = 1
  t0 = Date()
  while n < 64 {
    try model.forward(Batch([.init(sequence: s3, tokens: [tok])]))
    tok = try model.candidates(row: 0, keep: 1)[0].id
    n += 1
  }
  print("tg", 64 / Date().timeIntervalSince(t0))
  }
}
