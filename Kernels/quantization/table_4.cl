// Nibbles that stand for the values of a table, VALUES: 4 words of 8, in order of k. A chunk is one word.

#define WORDS 4
#define RANGE 1.0f

#if IS_MXFP4
// Twice the values of E2M1.
#define VALUES(of) of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)
#else
#define VALUES(of) of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
#endif

#ifdef BYTES_AT
// The values of even nibbles, then of odd ones.
#define CHUNK_WORDS 2
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  const lanes_u word = LOAD_WORD(block, c);
  chunk[0] = BYTES_AT(VALUES, word & 0x0f0f0f0fu);
  chunk[1] = BYTES_AT(VALUES, word >> 4 & 0x0f0f0f0fu);
}

#define UNPACK(chunk, i) TO_FLOAT(AS_INT(chunk[(i) % 2] << (24 - (i) / 2 * 8)) >> 24)
#else
#define CHUNK_WORDS 1
inline void load_chunk(const lanes_h *packed, uint part, global const uint *block, uint c, lanes_u *chunk) {
  chunk[0] = LOAD_WORD(block, c);
}

#define UNPACK(chunk, i) LOOKUP_16(VALUES, chunk[0] >> (4 * (i)))
#endif
