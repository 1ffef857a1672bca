// What unpacks nibbles that stand for the values of a table, VALUES less OFFSET, bytes without a sign. SET_CHUNK(chunk, word) makes a
// chunk of a word of 8, in order of k.


#ifdef BYTES_AT
// The values of even nibbles, then of odd ones.
#define TOP_PLACE 16
#define CHUNK_WORDS 2
#define SET_CHUNK(chunk, word)                                    \
  do {                                                            \
    const lanes_u nibbles = word;                                 \
    (chunk)[0] = BYTES_AT(VALUES, nibbles & 0x0f0f0f0fu);         \
    (chunk)[1] = BYTES_AT(VALUES, nibbles >> 4 & 0x0f0f0f0fu);    \
  } while (0)
#define FIELD 255
#define FROM(i) ((i) / 2 * 8)
#define UNPACK(chunk, i) PLACED(chunk[(i) % 2], FROM(i))
#else
#define RANGE 1.0f
#define CHUNK_WORDS 1
#define SET_CHUNK(chunk, word) (chunk)[0] = word
#define UNPACK(chunk, i) LOOKUP_16(VALUES, chunk[0] >> (4 * (i)))
#endif
