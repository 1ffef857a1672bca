// Chooses top_k experts for each token, and lists which tokens each expert has (Shazeer et al. 2017; Mixtral, Jiang et al. 2024)
//
// Of scores (tokens, expert_count) each token takes the top_k largest, of equals the first; its weights are their softmax. Choice k
// of token t gets a slot; slots are numbered expert by expert, within one by token and choice. Tiles of at most tile_tokens slots of
// one expert make up the list (matmul/rows.cl). No host is asked, and nothing depends on who comes first.
//
//   views   scores; weights (tokens, top_k); slots (tokens, top_k), and as many again as room to work in; experts: the list, whose room the caller guarantees;
//           order (tokens · top_k): the token of each slot
//   units   one; simt work-items share tokens, then experts.  The caller guarantees top_k ≤ expert_count ≤ MOST_EXPERTS.

#include "common/kernel.cl"
#include "common/math.cl"


#if SIMT
#define ITEM get_local_id(0)
#define SYNC barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE)
#define BEGINS_SPACE local
#else
#define ITEM 0
#define SYNC
#define BEGINS_SPACE private
#endif

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
    weights[k] = FIRST_LANE(exponential((lanes_f)(scores[slots[k]] - highest)));
    total += weights[k];
  }
  for (uint k = 0; k < top_k; ++k) weights[k] /= total;
}

// From expert `first` on, every `step`-th: counts its slots, and once all begin somewhere, numbers them.
static inline void route_all(ROOTS, const struct route_arguments *a, BEGINS_SPACE uint *begins) {
  global const float *scores = VIEW(const float, 0, scores);
  global float *weights = VIEW(float, 1, weights);
  global uint *slots = VIEW(uint, 2, slots), *order = VIEW(uint, 4, order);
  global int *list = VIEW(int, 3, experts);
  const uint entries = a->tokens * a->top_k;
  for (uint t = ITEM; t < a->tokens; t += LOCAL)
    choose(scores + (ulong)t * a->expert_count, a->expert_count, a->top_k, weights + t * a->top_k, slots + t * a->top_k);
  SYNC;
  for (uint e = ITEM; e < a->expert_count; e += LOCAL) begins[e] = 0;
  SYNC;
#if SIMT
  for (uint e = ITEM; e < a->expert_count; e += LOCAL)
    for (uint i = 0; i < entries; ++i) begins[e] += slots[i] == e;
  SYNC;
#else
  for (uint i = 0; i < entries; ++i) ++begins[slots[i]];
#endif
  if (ITEM == 0) {
    uint begin = 0, tiles = 0;
    for (uint e = 0; e < a->expert_count; ++e) {
      const uint count = begins[e];
      begins[e] = begin;
      for (uint done = 0; done < count; done += a->tile_tokens)
        ((global int4 *)list)[1 + tiles++] = (int4)((int)e, (int)(begin + done), (int)min(a->tile_tokens, count - done), 0);
      begin += count;
    }
    *list = tiles;
  }
  SYNC;
#if SIMT
  // Whoever numbers an expert's slots writes them where no other expert's numbers are looked for: behind `entries`.
  for (uint e = ITEM; e < a->expert_count; e += LOCAL) {
    uint next = begins[e];
    for (uint i = 0; i < entries; ++i)
      if (slots[i] == e) {
        order[next] = i / a->top_k;
        slots[entries + i] = next++;
      }
  }
  SYNC;
  for (uint i = ITEM; i < entries; i += LOCAL) slots[i] = slots[entries + i];
#else
  for (uint i = 0; i < entries; ++i) {
    const uint slot = begins[slots[i]]++;
    order[slot] = i / a->top_k;
    slots[i] = slot;
  }
#endif
}

#if !SIMT
static inline void route_body(ROOTS, const struct route_arguments *a, const uint unused_x, const uint unused_y, const uint unused_z) {
  uint begins[MOST_EXPERTS];
  route_all(roots, a, begins);
}
KERNEL(route, route_arguments, 5)
#else
kernel GROUP_OF_ITEMS void route(ROOTS_5, const struct route_arguments arguments) {
  local uint begins[MOST_EXPERTS];
  global uchar *const roots[] = {LIST_5};
  route_all(roots, &arguments, begins);
}
#endif
