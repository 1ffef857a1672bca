// Chooses top_k experts for each token, and lists which tokens each expert has (Shazeer et al. 2017; Mixtral, Jiang et al. 2024)
//
// Of scores (tokens, expert_count) each token takes the top_k largest, of equals the first. GATING says what is compared, and weighs: the
// scores, and weights are the softmax of those chosen; or the softmax of all; or the sigmoid, compared with a bias added (DeepSeek-V3,
// DeepSeek-AI 2024). The last two may be divided by the sum of those chosen, and the choice be limited to the top_groups groups of
// experts that have the largest, or, of sigmoids, the largest sum of their two largest. Weights are multiplied by scale.
// Choice k of token t gets a slot; slots are numbered expert by expert, within one by token and choice. Tiles of at most tile_tokens
// slots of one expert make up the list (matmul/rows.cl). No host is asked, and nothing depends on who comes first.
//
//   views   scores; weights (tokens, top_k); slots (tokens, top_k), and as many again: the expert of each choice; experts: the list,
//           whose room the caller guarantees; order (tokens · top_k): the token of each slot; bias (expert_count)
//   units   vector: one. simt: `choose` (tokens), then `route` (expert_count); work-items share a token's experts, an expert's choices
// The caller guarantees top_k ≤ expert_count ≤ MOST_EXPERTS, and that top_groups of the groups have top_k experts.

#include "common/kernel.cl"
#include "common/math.cl"

#ifndef GATING
#define GATING 0
#endif
#define SOFTMAX 1
#define SIGMOID 2
// In flags.
#define NORMALIZES 1u
#define HAS_BIAS 2u
// Where gates are as good as zero.
#define LEAST_SUM 1e-20f

static inline float power_of(const float x) {
#if SIMT
  return exponential(x);
#else
  return exponential((lanes_f)x).s0;
#endif
}

// Larger for a larger score, the same for equals; zero for no number.
static inline uint order_of(const float score) {
  const uint bits = score == 0.0f ? 0 : as_uint(score);
  return (bits >> 31) ? ~bits : bits | 0x80000000u;
}

static inline float score_of(const uint order) { return as_float((order >> 31) ? order & 0x7fffffffu : ~order); }

// A group's place among others, of its two best experts.
static inline uint order_of_group(const uint best, const uint second) {
  return GATING == SIGMOID ? order_of(score_of(best) + score_of(second)) : best;
}

#if SIMT

#define CHOICES (VIEW(uint, 2, slots) + a->tokens * a->top_k)

// Each expert's place among a token's is how many are before it.
kernel GROUP_OF_ITEMS void choose(ROOTS_6, const struct route_arguments arguments) {
  local uint keys[MOST_EXPERTS], chosen[MOST_EXPERTS];
  local float powers[MOST_EXPERTS];
#if GATING
  local uint groups[MOST_EXPERT_GROUPS];
#endif
  const struct route_arguments *a = &arguments;
  global uchar *const roots[] = {LIST_6};
  const uint item = get_local_id(0), token = get_group_id(0), count = a->expert_count, top_k = a->top_k;
  global const float *scores = VIEW(const float, 0, scores) + (ulong)token * count;
#if GATING == SIGMOID
  global const float *bias = VIEW(const float, 5, bias);
  for (uint e = item; e < count; e += LOCAL) {
    powers[e] = 1.0f / (1.0f + power_of(-scores[e]));
    keys[e] = order_of(a->flags & HAS_BIAS ? powers[e] + bias[e] : powers[e]);
  }
#else
  for (uint e = item; e < count; e += LOCAL) keys[e] = order_of(scores[e]);
#endif
  barrier(CLK_LOCAL_MEM_FENCE);
#if GATING
  if (a->group_count > 1) {
    const uint size = count / a->group_count;
    for (uint g = item; g < a->group_count; g += LOCAL) {
      uint best = 0, second = 0;
      for (uint e = g * size; e < (g + 1) * size; ++e) {
        second = max(second, min(best, keys[e]));
        best = max(best, keys[e]);
      }
      groups[g] = order_of_group(best, second);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint e = item; e < count; e += LOCAL) {
      const uint g = e / size, key = groups[g];
      uint place = 0;
      for (uint other = 0; other < a->group_count; ++other) place += groups[other] > key || (groups[other] == key && other < g);
      if (place >= a->top_groups) keys[e] = 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#endif
  for (uint e = item; e < count; e += LOCAL) {
    const uint key = keys[e];
    uint place = 0;
    for (uint other = 0; other < count; ++other) place += keys[other] > key || (keys[other] == key && other < e);
    if (place < top_k) chosen[place] = e;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
#if GATING == 0
  const float highest = scores[chosen[0]];
  for (uint k = item; k < top_k; k += LOCAL) powers[k] = exponential(scores[chosen[k]] - highest);
  barrier(CLK_LOCAL_MEM_FENCE);
  float total = 0.0f;
  for (uint k = 0; k < top_k; ++k) total += powers[k];
#else
  float total = LEAST_SUM;
#if GATING == SOFTMAX
  const float highest = scores[chosen[0]];
  for (uint e = item; e < count; e += LOCAL) powers[e] = power_of(scores[e] - highest);
  barrier(CLK_LOCAL_MEM_FENCE);
  if (!(a->flags & NORMALIZES))
    for (uint e = 0; e < count; ++e) total += powers[e];
#else
  if (!(a->flags & NORMALIZES)) total = 1.0f;
#endif
  if (a->flags & NORMALIZES)
    for (uint k = 0; k < top_k; ++k) total += powers[chosen[k]];
#endif
  for (uint k = item; k < top_k; k += LOCAL) {
    VIEW(float, 1, weights)[token * top_k + k] = powers[GATING ? chosen[k] : k] / total * a->scale;
    CHOICES[token * top_k + k] = chosen[k];
  }
}

// An expert's slots begin behind those of the experts before it, which each work-group counts for itself.
kernel GROUP_OF_ITEMS void route(ROOTS_6, const struct route_arguments arguments) {
  local uint counts[MOST_EXPERTS], begins[LOCAL], tiles[LOCAL];
  const struct route_arguments *a = &arguments;
  global uchar *const roots[] = {LIST_6};
  const uint item = get_local_id(0), expert = get_group_id(0), entries = a->tokens * a->top_k, tile = a->tile_tokens;
  global const uint *choices = CHOICES;
  global uint *slots = VIEW(uint, 2, slots), *order = VIEW(uint, 4, order);
  global int *list = VIEW(int, 3, experts);
  for (uint e = item; e < a->expert_count; e += LOCAL) counts[e] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint i = item; i < entries; i += LOCAL) atomic_inc(&counts[choices[i]]);
  barrier(CLK_LOCAL_MEM_FENCE);
  uint begin = 0, tile_begin = 0;
  for (uint e = item; e < expert; e += LOCAL) {
    begin += counts[e];
    tile_begin += (counts[e] + tile - 1) / tile;
  }
  begins[item] = begin;
  tiles[item] = tile_begin;
  for (uint width = LOCAL / 2; width > 0; width /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < width) {
      begins[item] += begins[item + width];
      tiles[item] += tiles[item + width];
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  begin = begins[0];
  tile_begin = tiles[0];
  const uint count = counts[expert], own_tiles = (count + tile - 1) / tile;
  for (uint t = item; t < own_tiles; t += LOCAL)
    ((global int4 *)list)[1 + tile_begin + t] =
        (int4)((int)expert, (int)(begin + t * tile), (int)min(tile, count - t * tile), (int)expert);
  if (item == 0 && expert == a->expert_count - 1) *list = tile_begin + own_tiles;

  // A work-item has choices that follow each other, and its first slot is behind those of the work-items before it.
  const uint run = count > 0 ? (entries + LOCAL - 1) / LOCAL : 0;
  const uint first = min(item * run, entries), last = min(first + run, entries);
  uint own = 0;
  for (uint i = first; i < last; ++i) own += choices[i] == expert;
  uint after = own;
  barrier(CLK_LOCAL_MEM_FENCE);
  begins[item] = after;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint step = 1; step < LOCAL; step *= 2) {
    if (item >= step) after += begins[item - step];
    barrier(CLK_LOCAL_MEM_FENCE);
    begins[item] = after;
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  uint next = begin + after - own;
  for (uint i = first; i < last; ++i)
    if (choices[i] == expert) {
      order[next] = i / a->top_k;
      slots[i] = next++;
    }
}

#else

// Chooses a token's experts: their numbers go to `slots` for now.
#if GATING
static inline void choose(
    global const float *scores, global const float *bias, const struct route_arguments *a, global float *weights,
    global uint *slots, uint *keys, float *powers) {
  const uint count = a->expert_count, top_k = a->top_k;
  for (uint e = 0; e < count; ++e) {
#if GATING == SIGMOID
    powers[e] = 1.0f / (1.0f + power_of(-scores[e]));
    keys[e] = order_of(a->flags & HAS_BIAS ? powers[e] + bias[e] : powers[e]);
#else
    keys[e] = order_of(scores[e]);
#endif
  }
  if (a->group_count > 1) {
    const uint size = count / a->group_count;
    uint groups[MOST_EXPERT_GROUPS];
    for (uint g = 0; g < a->group_count; ++g) {
      uint best = 0, second = 0;
      for (uint e = g * size; e < (g + 1) * size; ++e) {
        second = max(second, min(best, keys[e]));
        best = max(best, keys[e]);
      }
      groups[g] = order_of_group(best, second);
    }
    for (uint g = 0; g < a->group_count; ++g) {
      uint place = 0;
      for (uint other = 0; other < a->group_count; ++other)
        place += groups[other] > groups[g] || (groups[other] == groups[g] && other < g);
      if (place >= a->top_groups)
        for (uint e = g * size; e < (g + 1) * size; ++e) keys[e] = 0;
    }
  }
  for (uint k = 0; k < top_k; ++k) {
    uint best = 0;
    for (uint e = 1; e < count; ++e)
      if (keys[e] > keys[best]) best = e;
    slots[k] = best;
    keys[best] = 0;
  }
  float total = LEAST_SUM;
#if GATING == SOFTMAX
  const float highest = scores[slots[0]];
  for (uint e = 0; e < count; ++e) powers[e] = power_of(scores[e] - highest);
  if (!(a->flags & NORMALIZES))
    for (uint e = 0; e < count; ++e) total += powers[e];
#else
  if (!(a->flags & NORMALIZES)) total = 1.0f;
#endif
  if (a->flags & NORMALIZES)
    for (uint k = 0; k < top_k; ++k) total += powers[slots[k]];
  for (uint k = 0; k < top_k; ++k) weights[k] = powers[slots[k]] / total * a->scale;
}
#else
static inline void choose(
    global const float *scores, const struct route_arguments *a, global float *weights, global uint *slots) {
  const uint count = a->expert_count, top_k = a->top_k;
  for (uint k = 0; k < top_k; ++k) {
    uint best = count;
    for (uint e = 0; e < count; ++e) {
      bool is_taken = false;
      for (uint i = 0; i < k; ++i) is_taken |= slots[i] == e;
      if (!is_taken && (best == count || scores[e] > scores[best])) best = e;
    }
    slots[k] = best;
  }
  const float highest = scores[slots[0]];
  float total = 0.0f;
  for (uint k = 0; k < top_k; ++k) {
    weights[k] = power_of(scores[slots[k]] - highest);
    total += weights[k];
  }
  for (uint k = 0; k < top_k; ++k) weights[k] = weights[k] / total * a->scale;
}
#endif

static inline void route_body(ROOTS, const struct route_arguments *a, const uint unused_x, const uint unused_y, const uint unused_z) {
  uint begins[MOST_EXPERTS];
  global const float *scores = VIEW(const float, 0, scores);
  global float *weights = VIEW(float, 1, weights);
  global uint *slots = VIEW(uint, 2, slots), *order = VIEW(uint, 4, order);
  global int *list = VIEW(int, 3, experts);
  const uint entries = a->tokens * a->top_k;
#if GATING
  uint keys[MOST_EXPERTS];
  float powers[MOST_EXPERTS];
#endif
  for (uint t = 0; t < a->tokens; ++t) {
    global const float *own = scores + (ulong)t * a->expert_count;
#if GATING
    choose(own, VIEW(const float, 5, bias), a, weights + t * a->top_k, slots + t * a->top_k, keys, powers);
#else
    choose(own, a, weights + t * a->top_k, slots + t * a->top_k);
#endif
  }
  for (uint e = 0; e < a->expert_count; ++e) begins[e] = 0;
  for (uint i = 0; i < entries; ++i) ++begins[slots[i]];
  uint begin = 0, tiles = 0;
  for (uint e = 0; e < a->expert_count; ++e) {
    const uint count = begins[e];
    begins[e] = begin;
    for (uint done = 0; done < count; done += a->tile_tokens)
      ((global int4 *)list)[1 + tiles++] =
          (int4)((int)e, (int)(begin + done), (int)min(a->tile_tokens, count - done), (int)e);
    begin += count;
  }
  *list = tiles;
  for (uint i = 0; i < entries; ++i) {
    const uint slot = begins[slots[i]]++;
    order[slot] = i / a->top_k;
    slots[i] = slot;
  }
}
KERNEL(route, route_arguments, 6)

#endif
