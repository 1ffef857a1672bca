// BF16: the upper halves of floats, two to a word.

#define BLOCK 32
#define WORDS 16
#define SCALES 0
#define BLOCKS_PER_SCALE 1
#define HAS_MINIMUM 0

#define UNPACK(words, i) AS_FLOAT((i) % 2 ? words[(i) / 2] & 0xffff0000u : words[(i) / 2] << 16)
