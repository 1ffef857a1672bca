// Rows of each token's heads as experts' slots, one expert a head: what route.cl would list where row token · heads + head went to
// `head` alone. Products with a matrix for each head (matmul/rows.cl) take it (latent attention, DeepSeek-V2, 2024).
//
//   views   slots (tokens · heads) of the rows, the list, order (tokens · heads): as in route.cl
//   units   (⌈tokens · heads / UNIT_SLOTS⌉)

#include "common/kernel.cl"

#if SIMT
#define UNIT_SLOTS LOCAL
#else
#define UNIT_SLOTS HEAD_SLOTS
#endif

static inline void heads_body(ROOTS, const struct heads_arguments *a, const uint part, const uint unused_y, const uint unused_z) {
  global uint *slots = VIEW(uint, 0, slots), *order = VIEW(uint, 2, order);
  global int *list = VIEW(int, 1, experts);
  const uint tile = a->tile_tokens, tiles = (a->tokens + tile - 1) / tile;
#if SIMT
  const uint first = part * UNIT_SLOTS + get_local_id(0), last = min(first + 1, a->tokens * a->heads);
#else
  const uint first = part * UNIT_SLOTS, last = min(first + UNIT_SLOTS, a->tokens * a->heads);
#endif
  for (uint slot = first; slot < last; ++slot) {
    const uint head = slot / a->tokens, token = slot % a->tokens, row = token * a->heads + head;
    slots[row] = slot;
    order[slot] = row;
    if (token % tile == 0)
      ((global int4 *)list)[1 + head * tiles + token / tile] =
          (int4)((int)head, (int)slot, (int)min(tile, a->tokens - token), (int)head);
    if (slot == 0) *list = a->heads * tiles;
  }
}
KERNEL(heads, heads_arguments, 3)
