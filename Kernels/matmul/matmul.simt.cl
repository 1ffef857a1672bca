// y[token, row] = Σ_k x[token, k] · w[row, k] of few tokens, as matmul/matmul.cl defines it and with the same bits, in the simt
// style.
//
// A work-group has the 32 rows of a panel and TILE_M tokens, or some panels one after the other. Sums of blocks do not depend on each
// other: in a round each of its WARPS of 32 work-items sums SHARE blocks of the rows, LANE_ROWS of them a work-item, of which it has
// loaded the words a round or more ago, and leaves the sums in local memory. In the next round the first warps go on with the chains
// acc = fma(scale, sum, acc), acc = fma(minimum, Σx, acc) over these blocks in sequence, a lane a row, CHAINS tokens a warp.
//
//   x        (tokens, columns); with NORM, before its root mean square norm, which every work-group computes for itself (norm/row.cl)
//   and all else as in matmul/matmul.cl; of experts' tokens, x_sums is their order (matmul/rows.cl)
//   units    (tokens/TILE_M or tiles of experts, shares of the panels)
// Words and scales are AHEAD rounds on their way into registers; a round before they are wanted, scales go to local memory, and so does
// x where it is not WHOLE there.

#ifndef COLUMNS
#define COLUMNS 4096
#endif
#ifndef NORM
#define NORM 0
#endif
#ifndef WHOLE
#define WHOLE 0
#endif
// Whether x is rounded to 8 bits, after a norm: sums of a block's products are integers below 2²⁴ then, which float32 adds exactly. A few
// tokens of the fast mode so have the bits of many.
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
  const uint item = get_local_id(0), lane = item % WARP;
  // Of the warps that sum, and of those that have chains.
  const uint chain = item / WARP, warp = chain - FIRST_WARP;
  const bool has_chain = chain < CHAIN_WARPS, has_blocks = chain >= FIRST_WARP;
  local float4 staged_x[X_BLOCKS * X_STRIDE / 4];
  local tokens_f sums[SUMS];
#if NORM
  local float factors[TILE_M];
#endif
  local tokens_f sums_of_x[X_BLOCKS * CHAIN_WARPS];
  local tokens_f results[2 * CHAIN_WARPS * WARP];
#define RESULTS_OF(p) (results + (p) % 2 * CHAIN_WARPS * WARP)
#define X_OF(round) ((local float *)staged_x + (WHOLE ? (round) : (round) % 2) * ROUND * X_STRIDE)
#define SUMS_OF_X(round) (sums_of_x + (WHOLE ? (round) : (round) % 2) * ROUND * CHAIN_WARPS)
#if ROUNDED
  local tokens_f scales_of_x[(WHOLE ? X_BLOCKS : 4 * ROUND) * CHAIN_WARPS];
#if WHOLE
  local uint *const magnitudes = (local uint *)sums;
#else
  local uint magnitudes[X_VECTORS * TILE_M];
#endif
#define SCALES_OF_X(round) (scales_of_x + (WHOLE ? (round) : (round) % 4) * ROUND * CHAIN_WARPS)
#else
  local uint *const magnitudes = 0;
#define SCALES_OF_X(round) 0
#endif
#if SCALES > 0
  local uint2 staged_sets[4 * SET_VECTORS];
#define SETS_OF(turn) (staged_sets + (turn) % 4 * SET_VECTORS)
#else
#define SETS_OF(turn) 0
#endif

  struct product_tile t;
  set_tile(&t, roots, a, get_group_id(0));
#if HAS_PANELS
  // No work-group is left without any.
  const uint panels = (a->rows + PANEL_ROWS - 1) / PANEL_ROWS, each = (panels + get_num_groups(1) - 1) / get_num_groups(1);
  const uint panel = get_group_id(1) * each, count = min(each, panels - panel);
#else
  const uint panel = get_group_id(1), count = 1;
#endif
  // A tile that no expert has sums nothing. (PoCL has no use for a return before a barrier.)
  const uint panels_done = !GROUPED || t.count > 0 ? count : 0, end = panels_done * BLOCKS;

  global const uint *row = t.weights + row_at(panel * PANEL_GROUPS + row_of_lane(lane, 0) / LANES, row_of_lane(lane, 0) % LANES, BLOCKS) +
                           lane / ROW_LANES * (WORDS * UNIT_BLOCKS * PANEL_ROWS);
  struct ahead ahead[AHEAD];
#if SCALES > 0
  global const uint2 *scales = (global const uint2 *)((global const ushort *)t.weights + a->scales_offset +
                                                      scales_at(panel * PANEL_GROUPS, 0, BLOCKS / BLOCKS_PER_SCALE));
#else
  global const uint2 *scales = 0;
#endif
  struct source x;
  x.x = VIEW(const float, 0, x);
  x.norm = VIEW(const float, 6, norm);
  x.order = a->flags & BY_SLOT ? 0 : VIEW(const uint, 1, x_sums);
  x.row = t.row;
  x.count = t.count;
  x.is_wide = IS_WIDE(x.x) && (!NORM || IS_WIDE(x.norm));
#if !WHOLE
  set_places(&x, item);
#endif
#pragma unroll
  for (uint i = 0; i < AHEAD; ++i) {
    if (has_blocks) load_share(row, i * ROUND, end, warp, lane, ahead[i].words);
    if (i * ROUND < end) load_sets(scales, i * ROUND, end, item, &ahead[i]);
#if !WHOLE
    if (i * ROUND < end) load_round(&x, i * ROUND, item, ahead[i].x, ahead[i].norm);
#endif
  }
#if NORM
  set_factors(&x, a->epsilon, item, (local float *)sums, factors);
#endif
#if WHOLE
  if (panels_done > 0) stage_x(&x, item, (local float *)staged_x, magnitudes, (local float *)SCALES_OF_X(0));
#else
  norm_round(&x, ahead[0].x, ahead[0].norm, item, magnitudes);
  if (ROUNDED) barrier(CLK_LOCAL_MEM_FENCE);
  store_round(ahead[0].x, item, X_OF(0), magnitudes, (local float *)SCALES_OF_X(0));
#endif
  store_sets(&ahead[0], item, (local uint2 *)SETS_OF(0));
  if (AHEAD * ROUND < end) {
    load_sets(scales, AHEAD * ROUND, end, item, &ahead[0]);
#if !WHOLE
    load_round(&x, AHEAD * ROUND, item, ahead[0].x, ahead[0].norm);
#endif
  }
  barrier(CLK_LOCAL_MEM_FENCE);
#if WHOLE
  sum_x((local const float *)staged_x, item, (local float *)sums_of_x, (local const float *)SCALES_OF_X(0));
  // Where there are no rounds, the end reads these sums: of a tile that no expert has, for nothing.
  if (GROUPED) barrier(CLK_LOCAL_MEM_FENCE);
#endif

  tokens_f acc = 0.0f;
  // Rounds of all panels that were begun, and what is summed next.
  uint turn = 0;
#pragma unroll 1
  for (uint p = 0; p < panels_done; ++p) {
#pragma unroll 1
    for (uint outer = 0; outer < ROUNDS_DONE; outer += AHEAD) {
#pragma unroll
      for (uint i = 0; i < AHEAD; ++i) {
        const uint round = outer + i, before = HAS_PANELS && round == 0 ? ROUNDS - 1 : round - 1;
        const uint first = turn * ROUND, here = turn % 2, other = 1 - here;
        if (has_chain && turn > 0)
          acc = chained(acc, sums + other * ROUND_SUMS, SUMS_OF_X(before), SCALES_OF_X(before), (const local ushort *)SETS_OF(turn + 3),
                        first - ROUND, chain, lane);
        if (HAS_PANELS && i == 0 && round == 0 && has_chain) {
          RESULTS_OF(p + 1)[item] = acc;
          acc = 0.0f;
        }
        if (has_blocks)
          sum_share(ahead[i].words, X_OF(round), (const local ushort *)SETS_OF(turn), first, warp, lane, sums + here * ROUND_SUMS, row,
                    first + AHEAD * ROUND, end);
        const uint next = (i + 1) % AHEAD, later = first + (1 + AHEAD) * ROUND;
        store_sets(&ahead[next], item, (local uint2 *)SETS_OF(turn + 1));
        if (later < end) load_sets(scales, later, end, item, &ahead[next]);
#if !WHOLE
        sum_x(X_OF(round), item, (local float *)SUMS_OF_X(round), (local const float *)SCALES_OF_X(round));
        norm_round(&x, ahead[next].x, ahead[next].norm, item, magnitudes);
        if (ROUNDED) barrier(CLK_LOCAL_MEM_FENCE);
        store_round(ahead[next].x, item, X_OF(round + 1), magnitudes, (local float *)SCALES_OF_X(round + 1));
        if (later < end) load_round(&x, later, item, ahead[next].x, ahead[next].norm);
#endif
        ++turn;
        barrier(CLK_LOCAL_MEM_FENCE);
      }
    }
    if (HAS_PANELS && p > 0 && has_chain) store_tokens(RESULTS_OF(p + 1), &t, panel + p - 1, chain, lane);
  }

  const uint last = max(turn, 1u) - 1, round = ROUNDS_DONE - 1;
  if (has_chain)
    RESULTS_OF(count + 1)[item] = chained(acc, sums + last % 2 * ROUND_SUMS, SUMS_OF_X(round), SCALES_OF_X(round),
                                          (const local ushort *)SETS_OF(last), last * ROUND, chain, lane);
  barrier(CLK_LOCAL_MEM_FENCE);
  if (has_chain) store_tokens(RESULTS_OF(count + 1), &t, panel + count - 1, chain, lane);
}
