// Rotates queries in place and stores rotated keys, and values, into the paged cache (RoFormer, Su et al. 2021)
//
// Token t's row of x, `stride` floats, holds heads · QUERY_SIZE query floats from query_at on, kv_heads · QUERY_SIZE of keys from key_at
// on, and kv_heads · RESULT_SIZE of values from value_at on. Either of heads and kv_heads may be 0. A head's elements that turn begin at
// rotary_at.
//
//   views     x; rotations (all positions, rotary/2) float2: cosine and sine of each pair's angle, with any scaling already in them;
//             positions (tokens): rows of these (both are read where rotary is not 0); slots (tokens): where the token lies in the
//             cache, block · block_size + offset; keys, values: common/cache.cl
//   units     (heads + 2 · kv_heads, tokens), or (heads + kv_heads, tokens) where values are part of the keys
//
// INTERLEAVED: pairs are (2i, 2i + 1), as llama's GGUF weights are ordered; else (i, i + rotary/2). HEAD_SIZE and VALUE_SIZE are
// QUERY_SIZE and RESULT_SIZE as the cache rounds them up; what it adds is zero. Simt work-items share a head's elements.

#include "common/kernel.cl"
#include "cache/rounding.cl"

#ifndef INTERLEAVED
#define INTERLEAVED 0
#endif
#ifndef QUERY_SIZE
#define QUERY_SIZE 64
#endif
#ifndef RESULT_SIZE
#define RESULT_SIZE QUERY_SIZE
#endif
#ifndef HEAD_SIZE
#define HEAD_SIZE QUERY_SIZE
#endif
#ifndef VALUE_SIZE
#define VALUE_SIZE RESULT_SIZE
#endif

#if SIMT
#define FIRST_ITEM get_local_id(0)
#define SHARED local
#else
#define FIRST_ITEM 0
#define SHARED private
#endif
// Elements of a head that is rounded, at most; and room for them.
#if !IS_QUANTIZED(KEY_TYPE) && !IS_QUANTIZED(VALUE_TYPE)
#define ROUNDED 0
#else
#define ROUNDED (HEAD_SIZE > VALUE_SIZE ? HEAD_SIZE : VALUE_SIZE)
#endif
#define ROUNDING_SPACE (ROUNDED > 0 ? ROUNDED : 1)

// The elements of a pair, turned.
struct rope_pair {
  uint first, second;
  float a, b;
};

static inline struct rope_pair rope_turn(global const float *row, global const float2 *rotation, uint rotary, uint pair) {
  struct rope_pair p;
  p.first = INTERLEAVED ? 2 * pair : pair;
  p.second = INTERLEAVED ? p.first + 1 : pair + rotary / 2;
  const float a = row[p.first], b = row[p.second];
  const float2 r = rotation[pair];
  p.a = fma(a, r.x, -(b * r.y));
  p.b = fma(a, r.y, b * r.x);
  return p;
}

// Element d of a head of which `rotary` elements from `first` on are turned; zero behind its `size`.
static inline float rope_element(global const float *row, global const float2 *rotation, const uint first, const uint rotary,
                                 const uint size, const uint d) {
  const uint t = d - first;  // beyond any head before `first`
  if (t >= rotary) return d < size ? row[d] : 0.0f;
  const struct rope_pair p = rope_turn(row + first, rotation, rotary, INTERLEAVED ? t / 2 : t < rotary / 2 ? t : t - rotary / 2);
  return p.first == t ? p.a : p.b;
}

// A head of a token: a query to be turned in place, a key to be turned and stored, or a value to be stored.
INLINE void rope_store_unit(ROOTS, const struct rope_store_arguments *a, const uint head, const uint token,
                            SHARED float *rounded) {
  global float *row = VIEW(float, 0, x) + (ulong)token * a->stride;
  global const float2 *rotation = VIEW(const float2, 1, rotations);
  if (a->rotary > 0) rotation += (ulong)VIEW(const uint, 2, positions)[token] * (a->rotary / 2);
  if (head < a->heads) {
    row += a->query_at + head * QUERY_SIZE + a->rotary_at;
    for (uint pair = FIRST_ITEM; pair < a->rotary / 2; pair += LOCAL) {
      const struct rope_pair p = rope_turn(row, rotation, a->rotary, pair);
      row[p.first] = p.a;
      row[p.second] = p.b;
    }
    return;
  }
  const bool is_key = head < a->heads + a->kv_heads;
  const uint kv_head = (head - a->heads) % a->kv_heads;
  const uint type = is_key ? KEY_TYPE : VALUE_TYPE, rotary = is_key ? a->rotary : 0, first = is_key ? a->rotary_at : 0;
  const uint size = is_key ? QUERY_SIZE : RESULT_SIZE, padded = is_key ? HEAD_SIZE : VALUE_SIZE;
  row += (is_key ? a->key_at : a->value_at) + kv_head * size;
  const uint slot = VIEW(const uint, 3, slots)[token], offset = slot % a->block_size, lane = offset % 16;
  const ulong number = group_at(slot / a->block_size, offset, kv_head, a->blocks, a->block_size);
  global uchar *group = is_key ? (global uchar *)(VIEW(key_element, 4, keys) + number * KEY_GROUP(HEAD_SIZE))
                               : (global uchar *)(VIEW(value_element, 5, values) + number * VALUE_GROUP(VALUE_SIZE));
  if (!IS_QUANTIZED(type)) {
    for (uint pair = FIRST_ITEM; pair < rotary / 2; pair += LOCAL) {
      const struct rope_pair p = rope_turn(row + first, rotation, rotary, pair);
      store_cached(type, p.a, group, KEY_AT(first + p.first, lane));
      store_cached(type, p.b, group, KEY_AT(first + p.second, lane));
    }
    for (uint d = FIRST_ITEM; d < first; d += LOCAL) store_cached(type, row[d], group, KEY_AT(d, lane));
    for (uint d = first + rotary + FIRST_ITEM; d < padded; d += LOCAL)
      store_cached(type, d < size ? row[d] : 0.0f, group,
                   is_key ? KEY_AT(d, lane) : lane * padded + d);
  }
#if ROUNDED > 0
  const uint end = IS_QUANTIZED(type) ? padded : 0;
  for (uint d = FIRST_ITEM; d < end; d += LOCAL) rounded[d] = rope_element(row, rotation, first, rotary, size, d);
#if SIMT
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint d = FIRST_ITEM; d < end; d += LOCAL) store_rounded(type, rounded, group, lane, d, padded, is_key);
#else
  for (uint block = 0; block < end / 32; ++block) store_quants(type, rounded + block * 32, group, lane, block, padded, is_key);
#endif
#endif
}

#if SIMT
kernel GROUP_OF_ITEMS void rope_store(ROOTS_6, const struct rope_store_arguments arguments) {
  local float rounded[ROUNDING_SPACE];
  global uchar *const roots[] = {LIST_6};
  rope_store_unit(roots, &arguments, get_group_id(0), get_group_id(1), rounded);
}
#else
static inline void rope_store_body(ROOTS, const struct rope_store_arguments *a, const uint head, const uint token, const uint unused) {
  float rounded[ROUNDING_SPACE];
  rope_store_unit(roots, a, head, token, rounded);
}
KERNEL(rope_store, rope_store_arguments, 6)
#endif
