// Rotates queries in place and stores rotated keys, and values, into the paged cache (RoFormer, Su et al. 2021)
//
// Token t's row of x, `stride` floats, holds heads · QUERY_SIZE query floats from query_at on, kv_heads · QUERY_SIZE of keys from key_at
// on, and kv_heads · RESULT_SIZE of values from value_at on. Either of heads and kv_heads may be 0.
//
//   views     x; rotation (tokens, rotary/2) float2: cosine and sine of each pair's angle, with any scaling already in them (rotary
//             may be 0); slots (tokens): where the token lies in the cache, block · block_size + offset; keys, values: common/cache.cl
//   units     (heads + 2 · kv_heads, tokens)
//
// INTERLEAVED: pairs are (2i, 2i + 1), as llama's GGUF weights are ordered; else (i, i + rotary/2). HEAD_SIZE and VALUE_SIZE are
// QUERY_SIZE and RESULT_SIZE as the cache rounds them up; what it adds is zero. One source serves both styles.

#include "common/kernel.cl"
#include "common/cache.cl"

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
#else
#define FIRST_ITEM 0
#endif

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

// Stores one head of a token: a key, of which the first `rotary` elements are turned, or a value.
static inline void store_head(global const float *row, global const float2 *rotation, const uint rotary, global uchar *group,
                              const uint lane, const bool is_key) {
  const uint type = is_key ? KEY_TYPE : VALUE_TYPE;
  const uint size = is_key ? QUERY_SIZE : RESULT_SIZE, padded = is_key ? HEAD_SIZE : VALUE_SIZE;
  if (IS_QUANTIZED(type)) {
    for (uint block = FIRST_ITEM; block < padded / 32; block += LOCAL) {
      float x[32];
      for (uint i = 0; i < 32; ++i) {
        const uint d = block * 32 + i;
        x[i] = d < size ? row[d] : 0.0f;
        if (d < rotary) {
          const struct rope_pair p = rope_turn(row, rotation, rotary, INTERLEAVED ? d / 2 : d % (rotary / 2));
          x[i] = p.first == d ? p.a : p.b;
        }
      }
      store_quants(type, x, group, lane, block, padded, is_key);
    }
    return;
  }
  for (uint pair = FIRST_ITEM; pair < rotary / 2; pair += LOCAL) {
    const struct rope_pair p = rope_turn(row, rotation, rotary, pair);
    store_cached(type, p.a, group, KEY_AT(p.first, lane));
    store_cached(type, p.b, group, KEY_AT(p.second, lane));
  }
  for (uint d = rotary + FIRST_ITEM; d < padded; d += LOCAL)
    store_cached(type, d < size ? row[d] : 0.0f, group, is_key ? KEY_AT(d, lane) : lane * padded + d);
}

static inline void rope_store_body(ROOTS, const struct rope_store_arguments *a, const uint head, const uint token, const uint unused) {
  global float *row = VIEW(float, 0, x) + (ulong)token * a->stride;
  global const float2 *rotation = VIEW(const float2, 1, rotation) + token * (a->rotary / 2);
  if (head < a->heads) {
    row += a->query_at + head * QUERY_SIZE;
    for (uint pair = FIRST_ITEM; pair < a->rotary / 2; pair += LOCAL) {
      const struct rope_pair p = rope_turn(row, rotation, a->rotary, pair);
      row[p.first] = p.a;
      row[p.second] = p.b;
    }
    return;
  }
  const bool is_key = head < a->heads + a->kv_heads;
  const uint kv_head = (head - a->heads) % a->kv_heads;
  const uint slot = VIEW(const uint, 2, slots)[token];
  const uint offset = slot % a->block_size;
  const ulong group = group_at(slot / a->block_size, offset, kv_head, a->blocks, a->block_size);
  if (is_key)
    store_head(row + a->key_at + kv_head * QUERY_SIZE, rotation, a->rotary,
               (global uchar *)(VIEW(key_element, 3, keys) + group * KEY_GROUP(HEAD_SIZE)), offset % 16, true);
  else
    store_head(row + a->value_at + kv_head * RESULT_SIZE, rotation, 0,
               (global uchar *)(VIEW(value_element, 4, values) + group * VALUE_GROUP(VALUE_SIZE)), offset % 16, false);
}
KERNEL(rope_store, rope_store_arguments, 5)
