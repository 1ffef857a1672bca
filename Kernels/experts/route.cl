// Chooses top_k experts for each token, and lists which tokens each expert has (Shazeer et al. 2017; Mixtral, Jiang et al. 2024)
//
// Of scores (tokens, expert_count) each token takes the top_k largest, of equals the first; its weights are their softmax. Choice k
// of token t gets a slot; slots are numbered expert by expert, within one by token and choice. Tiles of at most tile_tokens slots of
// one expert make up the list (matmul/rows.cl). No host is asked, and nothing depends on who comes first.
//
//   views   scores; weights (tokens, top_k); slots (tokens, top_k), and as many again: the expert of each choice; experts: the list,
//           whose room the caller guarantees; order (tokens · top_k): the token of each slot
//   units   vector: one. simt: `choose` (tokens), then `route` (expert_count); work-items share a token's experts, an expert's choices
// The caller guarantees top_k ≤ expert_count ≤ MOST_EXPERTS.

#include "common/kernel.cl"
#include "common/math.cl"

#if SIMT

#define CHOICES (VIEW(uint, 2, slots) + a->tokens * a->top_k)

// Larger for a larger score, the same for equals.
static inline uint order_of(const float score) {
  const uint bits = score == 0.0f ? 0 : as_uint(score);
  return (bits >> 31) ? ~bits : bits | 0x80000000u;
}

// Each expert's place among a token's is how many are before it.
kernel GROUP_OF_ITEMS void choose(ROOTS_5, const struct route_arguments arguments) {
  local uint keys[MOST_EXPERTS], chosen[MOST_EXPERTS];
  local float powers[MOST_EXPERTS];
  const struct route_arguments *a = &arguments;
  global uchar *const roots[] = {LIST_5};
  const uint item = get_local_id(0), token = get_group_id(0), count = a->expert_count, top_k = a->top_k;
  global const float *scores = VIEW(const float, 0, scores) + (ulong)token * count;
  for (uint e = item; e < count; e += LOCAL) keys[e] = order_of(scores[e]);
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint e = item; e < count; e += LOCAL) {
    const uint key = keys[e];
    uint place = 0;
    for (uint other = 0; other < count; ++other) place += keys[other] > key || (keys[other] == key && other < e);
    if (place < top_k) chosen[place] = e;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const float highest = scores[chosen[0]];
  for (uint k = item; k < top_k; k += LOCAL) powers[k] = exponential(scores[chosen[k]] - highest);
  barrier(CLK_LOCAL_MEM_FENCE);
  float total = 0.0f;
  for (uint k = 0; k < top_k; ++k) total += powers[k];
  for (uint k = item; k < top_k; k += LOCAL) {
    VIEW(float, 1, weights)[token * top_k + k] = powers[k] / total;
    CHOICES[token * top_k + k] = chosen[k];
  }
}

// An expert's slots begin behind those of the experts before it, which each work-group counts for itself.
kernel GROUP_OF_ITEMS void route(ROOTS_5, const struct route_arguments arguments) {
  local uint counts[MOST_EXPERTS], begins[LOCAL], tiles[LOCAL];
  const struct route_arguments *a = &arguments;
  global uchar *const roots[] = {LIST_5};
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
        (int4)((int)expert, (int)(begin + t * tile), (int)min(tile, count - t * tile), 0);
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
static inline void choose(global const float *scores, const uint count, const uint top_k, global float *weights, global uint *slots) {
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
    weights[k] = exponential((lanes_f)(scores[slots[k]] - highest)).s0;
    total += weights[k];
  }
  for (uint k = 0; k < top_k; ++k) weights[k] /= total;
}

static inline void route_body(ROOTS, const struct route_arguments *a, const uint unused_x, const uint unused_y, const uint unused_z) {
  uint begins[MOST_EXPERTS];
  global const float *scores = VIEW(const float, 0, scores);
  global float *weights = VIEW(float, 1, weights);
  global uint *slots = VIEW(uint, 2, slots), *order = VIEW(uint, 4, order);
  global int *list = VIEW(int, 3, experts);
  const uint entries = a->tokens * a->top_k;
  for (uint t = 0; t < a->tokens; ++t)
    choose(scores + (ulong)t * a->expert_count, a->expert_count, a->top_k, weights + t * a->top_k, slots + t * a->top_k);
  for (uint e = 0; e < a->expert_count; ++e) begins[e] = 0;
  for (uint i = 0; i < entries; ++i) ++begins[slots[i]];
  uint begin = 0, tiles = 0;
  for (uint e = 0; e < a->expert_count; ++e) {
    const uint count = begins[e];
    begins[e] = begin;
    for (uint done = 0; done < count; done += a->tile_tokens)
      ((global int4 *)list)[1 + tiles++] = (int4)((int)e, (int)(begin + done), (int)min(a->tile_tokens, count - done), 0);
    begin += count;
  }
  *list = tiles;
  for (uint i = 0; i < entries; ++i) {
    const uint slot = begins[slots[i]]++;
    order[slot] = i / a->top_k;
    slots[i] = slot;
  }
}
KERNEL(route, route_arguments, 5)

#endif
