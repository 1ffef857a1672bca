// A block's weights as unsigned bytes q, 4 to a word, of the formats whose weights are scale · q + minimum; UNPACK in
// quantization/bits_*.cl is 1 + q/RANGE.
//
//   load_integers(block, w)   word w of the BLOCK/4 words of a block; the compiler joins what several of them share
//   COLUMN(w, byte)           the column of the block whose weight is that byte of word w

#if WORDS == 4  // bits_4.cl

#define COLUMN(w, byte) ((w) / 2 * 8 + (byte) * 2 + (w) % 2)
inline lanes_u load_integers(global const uint *block, uint w) {
  return LOAD_LANES(block + w / 2 * LANES) >> (4 * (w % 2)) & 0x0f0f0f0fu;
}

#elif WORDS == 5  // bits_5.cl

#define COLUMN(w, byte) ((w) / 2 * 8 + (byte) * 2 + (w) % 2)
inline lanes_u load_integers(global const uint *block, uint w) {
  const lanes_u nibbles = LOAD_LANES(block + w / 2 * LANES);
  const lanes_u lowest = rotate(LOAD_LANES(block + 4 * LANES), (lanes_u)(w / 2 + 1));
  return (w % 2 ? nibbles >> 3 : nibbles << 1) & 0x1e1e1e1eu | lowest >> (4 * (w % 2)) & 0x01010101u;
}

#elif WORDS == 8  // bits_8.cl

#define COLUMN(w, byte) ((w) * 4 + (byte))
inline lanes_u load_integers(global const uint *block, uint w) { return LOAD_LANES(block + w * LANES); }

#elif WORDS == 3  // bits_6.cl

// Bytes of 2 nibbles of the first word of nibbles and of 2 of the second; the pairs' bytes 1 and 2 change places.
#define COLUMN(w, byte) ((w) + (byte) / 2 * 4 + (byte) % 2 * 8)
inline lanes_u load_integers(global const uint *block, uint w) {
  const lanes_u first = LOAD_LANES(block) >> (4 * w) & 0x000f000fu;
  const lanes_u second = LOAD_LANES(block + LANES) >> (4 * w) & 0x000f000fu;
  const lanes_u pairs = LOAD_LANES(block + 2 * LANES);
  const lanes_u turned = pairs & 0xff0000ffu | (pairs & 0xff00u) << 8 | pairs >> 8 & 0xff00u;
  return first | second << 8 | (turned >> (2 * w) & 0x03030303u) << 4;
}

#endif

