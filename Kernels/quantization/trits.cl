// Digits 0, 1, 2 to base 3, five or four to a byte: digit n of byte b is ⌊(b · 3ⁿ mod 256) · 3 / 256⌋. A super-block's 52 bytes are its
// 26 halves from 1, as the file has them: byte j < 32 holds weights j, j + 32, … 128 + j, byte 32 + j weights 160 + j, 176 + j, …,
// byte 48 + j weights 240 + j, 244 + j, ….
//
// A chunk is four words, each of two digits at bits 8 and 24: of weights 0 and 2, 1 and 3, 4 and 6, 5 and 7.

#define WORDS 0
#define TOP_PLACE 24
#define OFFSET 1.0f

// Bytes `at` … `at` + 3, each times `power`, as two words of digits.
static inline void load_trits(PACKED packed, uint at, uint power, lanes_u *digits) {
  const lanes_u word = TO_UINT(HALF_OF(packed, 1 + at / 2)) | TO_UINT(HALF_OF(packed, 2 + at / 2)) << 16;
  const lanes_u even = (word & 0x00ff00ffu) * power & 0x00ff00ffu, odd = (word >> 8 & 0x00ff00ffu) * power & 0x00ff00ffu;
  digits[0] = even * 3u;
  digits[1] = odd * 3u;
}

#define CHUNK_WORDS 4
static inline void load_chunk(PACKED packed, uint part, BLOCK_WORDS block, uint c, lanes_u *chunk) {
  const uint all = part * 4 + c, row = all < 20 ? all / 4 : (all - 20) / 2;
  uint at = all < 20 ? c * 8 : 32 + all % 2 * 8, power = row == 0 ? 1 : row == 1 ? 3 : row == 2 ? 9 : row == 3 ? 27 : 81;
  uint next = at + 4, next_power = power;
  if (all >= 30) {
    at = next = 48;
    power = all == 30 ? 1 : 9;
    next_power = 3 * power;
  }
  load_trits(packed, at, power, chunk);
  load_trits(packed, next, next_power, chunk + 2);
}

#define FIELD 3
#define FROM(i) (8 + (i) % 4 / 2 * 16)
#define UNPACK(chunk, i) PLACED(chunk[(i) / 4 * 2 + (i) % 2], FROM(i))
