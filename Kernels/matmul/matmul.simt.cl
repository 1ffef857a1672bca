// y[token, row] = Σ_k x[token, k] · w[row, k] of few tokens, as matmul/matmul.cl defines it and with the same bits, in the simt
// style.
//
// A work-group has the 32 rows of a panel and TILE_M tokens; a lane of each of its WARPS of 32 work-items is a row. Sums of blocks do
// not depend on each other: in a round each warp sums SHARE blocks, of which it has loaded the words a round or more ago, and leaves the
// sums in local memory. In the next round the first warps go on with the chains acc = fma(scale, sum, acc), acc = fma(minimum, Σx, acc)
// over these blocks in sequence, a lane a row, CHAINS tokens a warp.
//
//   x        (tokens, columns); with NORM, before its root mean square norm, which every work-group computes for itself (norm/row.cl)
//   and all else as in matmul/matmul.cl; of experts' tokens, x_sums is their order (matmul/rows.cl)
//   units    (tokens/TILE_M or tiles of experts, panels)
// Words, x and scales are AHEAD rounds on their way into registers; a round before they are wanted, x and the scales go to local memory.

#ifndef COLUMNS
#define COLUMNS 4096
#endif
#ifndef NORM
#define NORM 0
#endif
// Whether x is rounded to 8 bits, floats of whole numbers with a scale for 32 of them (matmul/rounded.simt.cl), in the view `norm`.
#ifndef ROUNDED
#define ROUNDED 0
#endif
#define TILE_N 2
#define TILES 1
#define SCALES_LOCAL
#define IN_PLACE 1

#include "matmul/product.simt.cl"

kernel GROUP_OF_ITEMS void matmul(ROOTS_8, const struct matmul_arguments arguments) {
  global uchar *const roots[] = {LIST_8};
  const struct matmul_arguments *a = &arguments;
  const uint item = get_local_id(0), warp = item / WARP, lane = item % WARP, panel = get_group_id(1);
  local float4 staged_x[2 * ROUND * X_STRIDE / 4];
  local tokens_f sums[SUMS];
  local tokens_f sums_of_x[2 * ROUND * CHAIN_WARPS];
#if ROUNDED
  local tokens_f scales_of_x[2 * ROUND * CHAIN_WARPS];
#define SCALES_OF_X(round) (scales_of_x + (round) % 2 * ROUND * CHAIN_WARPS)
#else
#define SCALES_OF_X(round) 0
#endif
#if SCALES > 0
  local uint4 staged_sets[3 * SET_VECTORS];
#define SETS_OF(round) (staged_sets + (round) % 3 * SET_VECTORS)
#else
#define SETS_OF(round) 0
#endif

  struct product_tile t;
  set_tile(&t, roots, a, get_group_id(0));
  // A tile that no expert has sums nothing. (PoCL has no use for a return before a barrier.)
  const uint rounds = !GROUPED || t.count > 0 ? ROUNDS : 0;

  global const uint *row = t.weights + row_at(panel * PANEL_GROUPS + lane / LANES, lane % LANES, BLOCKS);
  struct ahead ahead[AHEAD];
  struct source x;
  set_source(&x, VIEW(const float, 0, x), VIEW(const uint, 1, x_sums), a->flags, &t);
#if NORM
  x.norm = VIEW(const float, 6, norm);
#elif ROUNDED
  x.scales = VIEW(const float, 6, norm);
  x.first = t.row;
  x.count = t.count;
#endif
#if SCALES > 0
  global const uint4 *scales = (global const uint4 *)((global const ushort *)t.weights + a->scales_offset +
                                                      scales_at(panel * PANEL_GROUPS, 0, BLOCKS / BLOCKS_PER_SCALE));
#else
  global const uint4 *scales = 0;
#endif
#pragma unroll
  for (uint i = 0; i < AHEAD; ++i) {
    if (rounds > 0) load_share(row, i * ROUND, warp, ahead[i].words);
    load_staged(&x, scales, i * ROUND, item, &ahead[i]);
  }
#if NORM
  set_factors(&x, a->epsilon, item, (local float *)sums);
#endif
  store_staged(&x, &ahead[0], item, (local float *)staged_x, SETS_OF(0));
  load_staged(&x, scales, AHEAD * ROUND, item, &ahead[0]);
  barrier(CLK_LOCAL_MEM_FENCE);

  tokens_f acc = 0.0f;
#pragma unroll 1
  for (uint outer = 0; outer < rounds; outer += AHEAD) {
#pragma unroll
    for (uint i = 0; i < AHEAD; ++i) {
      const uint round = outer + i, first = round * ROUND, here = round % 2, other = 1 - here;
      local float *xs = (local float *)staged_x + here * ROUND * X_STRIDE;
      if (round > 0 && warp < CHAIN_WARPS)
        acc = chained(acc, sums + other * ROUND_SUMS, sums_of_x + other * ROUND * CHAIN_WARPS, SCALES_OF_X(round + 1),
                      (const local ushort *)SETS_OF(round + 2), first - ROUND, warp, lane);
      sum_share(ahead[i].words, xs + warp * SHARE * X_STRIDE, (const local ushort *)SETS_OF(round), first, warp, lane,
                sums + here * ROUND_SUMS);
      load_share(row, first + AHEAD * ROUND, warp, ahead[i].words);
      sum_x(&x, xs, first, item, (local float *)(sums_of_x + here * ROUND * CHAIN_WARPS), (local float *)SCALES_OF_X(round));
      const uint next = (i + 1) % AHEAD;
      store_staged(&x, &ahead[next], item, (local float *)staged_x + other * ROUND * X_STRIDE, SETS_OF(round + 1));
      load_staged(&x, scales, first + (1 + AHEAD) * ROUND, item, &ahead[next]);
      barrier(CLK_LOCAL_MEM_FENCE);
    }
  }

  const uint last = ROUNDS_DONE - 1;
  if (warp < CHAIN_WARPS)
    acc = chained(acc, sums + last % 2 * ROUND_SUMS, sums_of_x + last % 2 * ROUND * CHAIN_WARPS, SCALES_OF_X(last),
                  (const local ushort *)SETS_OF(last), last * ROUND, warp, lane);
  // A gate's lane and its up's meet where no sums are any more.
  local tokens_f *results = sums + (1 - last % 2) * ROUND_SUMS;
  if (warp < CHAIN_WARPS) results[item] = acc;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (warp < CHAIN_WARPS) store_tokens(acc, results, &t, panel, warp, lane);
}
