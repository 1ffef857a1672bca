// Nibbles that stand for the values of a table, VALUES less OFFSET: 4 words of 8, in order of k. A chunk is one word.

#define WORDS 4

#if IS_MXFP4
// Twice the values of E2M1.
#define OFFSET 12.0f
#define VALUES(of) of(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)
#else
#define OFFSET 127.0f
#define VALUES(of) of(0, 23, 44, 62, 78, 92, 105, 117, 128, 140, 152, 165, 180, 196, 216, 240)
#endif

#ifdef BYTES_AT
// The values of even nibbles, then of odd ones.
#define TOP_PLACE 16
#define CHUNK_WORDS 2
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  const lanes_u word = LOAD_WORD(block, c);
  chunk[0] = BYTES_AT(VALUES, word & 0x0f0f0f0fu);
  chunk[1] = BYTES_AT(VALUES, word >> 4 & 0x0f0f0f0fu);
}

#define PLACE(i) ((i) / 2 < 3 ? (i) / 2 * 8 : 0)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], 255, (i) / 2 * 8)
#else
#define RANGE 1.0f
#define CHUNK_WORDS 1
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c);
}

#define UNPACK(chunk, i) LOOKUP_UNSIGNED_16(VALUES, chunk[0] >> (4 * (i)))
#endif
