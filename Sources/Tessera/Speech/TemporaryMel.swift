import Foundation

func temporaryLogMel(_ samples: [Float], bands: Int, frames: Int) -> [Float] {
  let n = 400, hop = 160, bins = 201
  var x = samples; x += [Float](repeating: 0, count: max(0, frames * hop + 400 - x.count))
  let window = (0..<n).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(n)) }
  func mel(_ f: Double) -> Double { f < 1000 ? f * 3 / 200 : 15 + log(f / 1000) * 27 / log(6.4) }
  func hz(_ m: Double) -> Double { m < 15 ? m * 200 / 3 : 1000 * exp((m - 15) * log(6.4) / 27) }
  let points = (0..<bands + 2).map { hz(mel(8000) * Double($0) / Double(bands + 1)) }
  var filters = [[Double]]()
  for b in 0..<bands {
    filters.append((0..<bins).map { k in
      let f = Double(k) * 40
      let up = (f - points[b]) / (points[b + 1] - points[b]), down = (points[b + 2] - f) / (points[b + 2] - points[b + 1])
      return max(0, min(up, down)) * 2 / (points[b + 2] - points[b])
    })
  }
  let cosines = (0..<n).map { cos(2 * Double.pi * Double($0) / Double(n)) }
  let sines = (0..<n).map { sin(2 * Double.pi * Double($0) / Double(n)) }
  var out = [Float](repeating: 0, count: bands * frames)
  var most = -Double.infinity
  for t in 0..<frames {
    var power = [Double](repeating: 0, count: bins)
    let frame = (0..<n).map { i -> Double in
      let p = t * hop + i - 200
      return Double(x[p < 0 ? -p : p]) * window[i]
    }
    for k in 0..<bins {
      var (re, im) = (0.0, 0.0), j = 0
      for i in 0..<n { re += frame[i] * cosines[j]; im += frame[i] * sines[j]; j += k; if j >= n { j -= n } }
      power[k] = re * re + im * im
    }
    for b in 0..<bands {
      var s = 0.0
      for k in 0..<bins where filters[b][k] > 0 { s += filters[b][k] * power[k] }
      let v = log10(max(s, 1e-10)); most = max(most, v)
      out[b * frames + t] = Float(v)
    }
  }
  return out.map { (max($0, Float(most) - 8) + 4) / 4 }
}

extension Transcriber {
  func spectrogram(_ samples: [Float]) -> Spectrogram {
    let frames = samples.count / 160
    let values = temporaryLogMel(samples, bands: bandCount, frames: frames)
    return Spectrogram(values, bandCount: bandCount, stride: frames, frameCount: frames)
  }
}
