// F32: floats.

#define BLOCK 32
#define WORDS 32
#define SCALES 0
#define BLOCKS_PER_SCALE 1
#define HAS_MINIMUM 0

#define UNPACK(words, i) AS_FLOAT(words[i])
