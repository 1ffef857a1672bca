// What quantizers share: elements in, halves out, and a quotient that every device rounds alike (OpenCL lets `/` be wrong by 2.5 ulp).

#if INPUT == 0
typedef uint input_element;
#define VALUE(bits, type, number) as_##type(bits)
#elif INPUT == 1
typedef ushort input_element;
// The float of a half, exactly; infinities and NaNs become large numbers.
#define VALUE(bits, type, number)                                                                \
  (as_##type((as_##number(convert_u##number(bits) << 16) >> 3) & (int)0x8fffe000u) * 0x1p112f)
#else
typedef ushort input_element;
#define VALUE(bits, type, number) as_##type(convert_u##number(bits) << 16)
#endif

// An element as it is quantized: zero for what is no number, the largest for what is infinite, so that no bits are left to chance.
// By its bits, since there are compilers that take every float for a number.
static inline float element(global const input_element *x, uint i) {
  const int bits = as_int(VALUE(x[i], float, int));
  const int magnitude = bits & 0x7fffffff;
  return as_float(magnitude > 0x7f800000 ? 0 : (bits & (int)0x80000000) | min(magnitude, 0x7f7fffff));
}
static inline float16 elements(global const input_element *x, uint i) {
  const int16 bits = as_int16(VALUE(vload16(0, x + i), float16, int16));
  const int16 magnitude = bits & 0x7fffffff;
  // Not the smaller of a vector and a number, of which oclgrind 21 gives the first lane alone.
  return as_float16(magnitude > 0x7f800000 ? (int16)0 : (bits & (int)0x80000000) | min(magnitude, (int16)0x7f7fffff));
}

// The sum of sixteen numbers: always those eight places apart first, then four, two and one.
static inline float total(float16 x) {
  const float8 eight = x.lo + x.hi;
  const float4 four = eight.lo + eight.hi;
  const float2 two = four.lo + four.hi;
  return two.x + two.y;
}
static inline float greatest(float16 x) {
  const float8 eight = fmax(x.lo, x.hi);
  const float4 four = fmax(eight.lo, eight.hi);
  const float2 two = fmax(four.lo, four.hi);
  return fmax(two.x, two.y);
}

static inline bool is_normal(float x) { return (as_uint(x) & 0x7f800000u) != 0; }

// a / b rounded to nearest even, for a normal b; a quotient or an `a` below 2^-126 becomes zero.
static inline float quotient(float a, float b) {
  const uint sign = (as_uint(a) ^ as_uint(b)) & 0x80000000u;
  if (!is_normal(a)) return as_float(sign);
  const ulong dividend = (ulong)((as_uint(a) & 0x7fffffu) | 0x800000u) << 26;
  const uint divisor = (as_uint(b) & 0x7fffffu) | 0x800000u;
  // 26 or 27 bits, and whether anything was left.
  const uint digits = (uint)(dividend / divisor);
  const uint rest = (uint)(dividend % divisor) != 0;
  const uint shift = digits >> 26 ? 3 : 2;
  int exponent = (int)(as_uint(a) >> 23 & 255u) - (int)(as_uint(b) >> 23 & 255u) + 124 + (int)shift;
  const uint tail = (digits & ((1u << shift) - 1)) << 1 | rest;
  uint mantissa = digits >> shift;
  mantissa += tail > 1u << shift || (tail == 1u << shift && (mantissa & 1u));
  // A mantissa that was rounded up to 2^24 carries into the exponent.
  exponent += (int)(mantissa >> 24);
  if (exponent < 1) return as_float(sign);
  if (exponent > 254) return as_float(sign | 0x7f800000u);
  return as_float(sign | (uint)exponent << 23 | (mantissa & 0x7fffffu));
}

// 1 / d, and zero where d or 1 / d is below 2^-126: such a block is all zeros.
static inline float inverse(float d) { return is_normal(d) ? quotient(1.0f, d) : 0.0f; }

// The bits of the half nearest to x; ties go to even, what is too large becomes infinite.
static inline ushort half_bits(float x) {
  const uint sign = as_uint(x) >> 16 & 0x8000u;
  const uint magnitude = as_uint(x) & 0x7fffffffu;
  if (magnitude >= 0x47800000u) return (ushort)(sign | 0x7c00u);
  // Below 2^-14 in units of 2^-24, which the addition of 1.5 · 2^23 rounds to.
  if (magnitude < 0x38800000u) {
    return (ushort)(sign | (as_uint(as_float(magnitude) * 16777216.0f + 12582912.0f) & 0x7ffu));
  }
  return (ushort)(sign | ((magnitude + 0xfffu + (magnitude >> 13 & 1u)) >> 13) - (112u << 10));
}

static inline void store_half_bits(ushort bits, global uchar *y) {
  y[0] = (uchar)bits;
  y[1] = (uchar)(bits >> 8);
}
static inline void store_half(float x, global uchar *y) { store_half_bits(half_bits(x), y); }
