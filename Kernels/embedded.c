#include "TesseraKernels.h"

// Every kernel file, embedded in the binary: written by scripts/embed-kernels.
static const unsigned char activation_activation_cl[] = {
#embed "activation/activation.cl"
};
static const unsigned char activation_soft_cap_cl[] = {
#embed "activation/soft_cap.cl"
};
static const unsigned char attention_decode_attention_simt_cl[] = {
#embed "attention/decode_attention.simt.cl"
};
static const unsigned char attention_flash_attention_ptx_cl[] = {
#embed "attention/flash_attention.ptx.cl"
};
static const unsigned char attention_flash_attention_simt_cl[] = {
#embed "attention/flash_attention.simt.cl"
};
static const unsigned char attention_flash_attention_vector_cl[] = {
#embed "attention/flash_attention.vector.cl"
};
static const unsigned char attention_form_cl[] = {
#embed "attention/form.cl"
};
static const unsigned char attention_merge_cl[] = {
#embed "attention/merge.cl"
};
static const unsigned char attention_merge_simt_cl[] = {
#embed "attention/merge.simt.cl"
};
static const unsigned char attention_results_simt_cl[] = {
#embed "attention/results.simt.cl"
};
static const unsigned char attention_rows_simt_cl[] = {
#embed "attention/rows.simt.cl"
};
static const unsigned char attention_runs_simt_cl[] = {
#embed "attention/runs.simt.cl"
};
static const unsigned char attention_scores_cl[] = {
#embed "attention/scores.cl"
};
static const unsigned char attention_values_cl[] = {
#embed "attention/values.cl"
};
static const unsigned char attention_values_simt_cl[] = {
#embed "attention/values.simt.cl"
};
static const unsigned char cache_blocks_cl[] = {
#embed "cache/blocks.cl"
};
static const unsigned char cache_rotate_cl[] = {
#embed "cache/rotate.cl"
};
static const unsigned char cache_rounding_cl[] = {
#embed "cache/rounding.cl"
};
static const unsigned char common_activations_cl[] = {
#embed "common/activations.cl"
};
static const unsigned char common_cache_cl[] = {
#embed "common/cache.cl"
};
static const unsigned char common_copies_cl[] = {
#embed "common/copies.cl"
};
static const unsigned char common_float_probe_cl[] = {
#embed "common/float_probe.cl"
};
static const unsigned char common_halves_cl[] = {
#embed "common/halves.cl"
};
static const unsigned char common_kernel_cl[] = {
#embed "common/kernel.cl"
};
static const unsigned char common_lanes_cl[] = {
#embed "common/lanes.cl"
};
static const unsigned char common_loop_probe_cl[] = {
#embed "common/loop_probe.cl"
};
static const unsigned char common_math_cl[] = {
#embed "common/math.cl"
};
static const unsigned char common_mma_cl[] = {
#embed "common/mma.cl"
};
static const unsigned char common_sums_cl[] = {
#embed "common/sums.cl"
};
static const unsigned char common_wgmma_cl[] = {
#embed "common/wgmma.cl"
};
static const unsigned char common_wgmma_probe_cl[] = {
#embed "common/wgmma_probe.cl"
};
static const unsigned char common_wide_cl[] = {
#embed "common/wide.cl"
};
static const unsigned char embedding_embedding_cl[] = {
#embed "embedding/embedding.cl"
};
static const unsigned char experts_combine_cl[] = {
#embed "experts/combine.cl"
};
static const unsigned char experts_heads_cl[] = {
#embed "experts/heads.cl"
};
static const unsigned char experts_route_cl[] = {
#embed "experts/route.cl"
};
static const unsigned char matmul_activations_cl[] = {
#embed "matmul/activations.cl"
};
static const unsigned char matmul_activations_16_cl[] = {
#embed "matmul/activations_16.cl"
};
static const unsigned char matmul_activations_8_cl[] = {
#embed "matmul/activations_8.cl"
};
static const unsigned char matmul_dot_8_cl[] = {
#embed "matmul/dot_8.cl"
};
static const unsigned char matmul_dot_8_probe_cl[] = {
#embed "matmul/dot_8_probe.cl"
};
static const unsigned char matmul_epilogue_cl[] = {
#embed "matmul/epilogue.cl"
};
static const unsigned char matmul_format_16_cl[] = {
#embed "matmul/format_16.cl"
};
static const unsigned char matmul_format_8_cl[] = {
#embed "matmul/format_8.cl"
};
static const unsigned char matmul_matmul_cl[] = {
#embed "matmul/matmul.cl"
};
static const unsigned char matmul_matmul_simt_cl[] = {
#embed "matmul/matmul.simt.cl"
};
static const unsigned char matmul_matmul_16_ptx_cl[] = {
#embed "matmul/matmul_16.ptx.cl"
};
static const unsigned char matmul_matmul_16_wgmma_cl[] = {
#embed "matmul/matmul_16.wgmma.cl"
};
static const unsigned char matmul_matmul_8_cl[] = {
#embed "matmul/matmul_8.cl"
};
static const unsigned char matmul_matmul_8_ptx_cl[] = {
#embed "matmul/matmul_8.ptx.cl"
};
static const unsigned char matmul_mma_probe_ptx_cl[] = {
#embed "matmul/mma_probe.ptx.cl"
};
static const unsigned char matmul_pack_cl[] = {
#embed "matmul/pack.cl"
};
static const unsigned char matmul_panels_16_cl[] = {
#embed "matmul/panels_16.cl"
};
static const unsigned char matmul_product_cl[] = {
#embed "matmul/product.cl"
};
static const unsigned char matmul_product_simt_cl[] = {
#embed "matmul/product.simt.cl"
};
static const unsigned char matmul_product_8_cl[] = {
#embed "matmul/product_8.cl"
};
static const unsigned char matmul_quantize_8_cl[] = {
#embed "matmul/quantize_8.cl"
};
static const unsigned char matmul_quantize_8_simt_cl[] = {
#embed "matmul/quantize_8.simt.cl"
};
static const unsigned char matmul_round_8_cl[] = {
#embed "matmul/round_8.cl"
};
static const unsigned char matmul_rows_cl[] = {
#embed "matmul/rows.cl"
};
static const unsigned char matmul_source_simt_cl[] = {
#embed "matmul/source.simt.cl"
};
static const unsigned char matmul_tile_cl[] = {
#embed "matmul/tile.cl"
};
static const unsigned char matmul_tiles_simt_cl[] = {
#embed "matmul/tiles.simt.cl"
};
static const unsigned char norm_layernorm_cl[] = {
#embed "norm/layernorm.cl"
};
static const unsigned char norm_rmsnorm_cl[] = {
#embed "norm/rmsnorm.cl"
};
static const unsigned char norm_row_cl[] = {
#embed "norm/row.cl"
};
static const unsigned char norm_staged_cl[] = {
#embed "norm/staged.cl"
};
static const unsigned char quantization_bfloat_16_cl[] = {
#embed "quantization/bfloat_16.cl"
};
static const unsigned char quantization_bits_2_cl[] = {
#embed "quantization/bits_2.cl"
};
static const unsigned char quantization_bits_3_cl[] = {
#embed "quantization/bits_3.cl"
};
static const unsigned char quantization_bits_4_cl[] = {
#embed "quantization/bits_4.cl"
};
static const unsigned char quantization_bits_5_cl[] = {
#embed "quantization/bits_5.cl"
};
static const unsigned char quantization_bits_6_cl[] = {
#embed "quantization/bits_6.cl"
};
static const unsigned char quantization_bits_8_cl[] = {
#embed "quantization/bits_8.cl"
};
static const unsigned char quantization_both_styles_cl[] = {
#embed "quantization/both_styles.cl"
};
static const unsigned char quantization_codebook_1_cl[] = {
#embed "quantization/codebook_1.cl"
};
static const unsigned char quantization_codebook_2_cl[] = {
#embed "quantization/codebook_2.cl"
};
static const unsigned char quantization_codebook_3_cl[] = {
#embed "quantization/codebook_3.cl"
};
static const unsigned char quantization_float_16_cl[] = {
#embed "quantization/float_16.cl"
};
static const unsigned char quantization_float_32_cl[] = {
#embed "quantization/float_32.cl"
};
static const unsigned char quantization_gguf_cl[] = {
#embed "quantization/gguf.cl"
};
static const unsigned char quantization_gguf_more_cl[] = {
#embed "quantization/gguf_more.cl"
};
static const unsigned char quantization_grid_iq1_cl[] = {
#embed "quantization/grid_iq1.cl"
};
static const unsigned char quantization_grid_iq2_s_cl[] = {
#embed "quantization/grid_iq2_s.cl"
};
static const unsigned char quantization_grid_iq2_xs_cl[] = {
#embed "quantization/grid_iq2_xs.cl"
};
static const unsigned char quantization_grid_iq2_xxs_cl[] = {
#embed "quantization/grid_iq2_xxs.cl"
};
static const unsigned char quantization_grid_iq3_s_cl[] = {
#embed "quantization/grid_iq3_s.cl"
};
static const unsigned char quantization_grid_iq3_xxs_cl[] = {
#embed "quantization/grid_iq3_xxs.cl"
};
static const unsigned char quantization_lookup_cl[] = {
#embed "quantization/lookup.cl"
};
static const unsigned char quantization_nibbles_cl[] = {
#embed "quantization/nibbles.cl"
};
static const unsigned char quantization_quantize_cl[] = {
#embed "quantization/quantize.cl"
};
static const unsigned char quantization_quantize_32_cl[] = {
#embed "quantization/quantize_32.cl"
};
static const unsigned char quantization_quantize_4_k_cl[] = {
#embed "quantization/quantize_4_k.cl"
};
static const unsigned char quantization_quantize_6_k_cl[] = {
#embed "quantization/quantize_6_k.cl"
};
static const unsigned char quantization_quantize_floats_cl[] = {
#embed "quantization/quantize_floats.cl"
};
static const unsigned char quantization_quantize_math_cl[] = {
#embed "quantization/quantize_math.cl"
};
static const unsigned char quantization_quantize_mxfp4_cl[] = {
#embed "quantization/quantize_mxfp4.cl"
};
static const unsigned char quantization_quantize_trits_cl[] = {
#embed "quantization/quantize_trits.cl"
};
static const unsigned char quantization_random_cl[] = {
#embed "quantization/random.cl"
};
static const unsigned char quantization_repack_cl[] = {
#embed "quantization/repack.cl"
};
static const unsigned char quantization_scale_k_cl[] = {
#embed "quantization/scale_k.cl"
};
static const unsigned char quantization_scale_minimum_cl[] = {
#embed "quantization/scale_minimum.cl"
};
static const unsigned char quantization_scale_signed_cl[] = {
#embed "quantization/scale_signed.cl"
};
static const unsigned char quantization_table_4_cl[] = {
#embed "quantization/table_4.cl"
};
static const unsigned char quantization_trits_cl[] = {
#embed "quantization/trits.cl"
};
static const unsigned char quantization_weights_cl[] = {
#embed "quantization/weights.cl"
};
static const unsigned char rope_rope_store_cl[] = {
#embed "rope/rope_store.cl"
};
static const unsigned char rows_gather_rows_cl[] = {
#embed "rows/gather_rows.cl"
};
static const unsigned char sampling_adjust_cl[] = {
#embed "sampling/adjust.cl"
};
static const unsigned char sampling_bins_cl[] = {
#embed "sampling/bins.cl"
};
static const unsigned char sampling_draw_cl[] = {
#embed "sampling/draw.cl"
};
static const unsigned char sampling_feed_cl[] = {
#embed "sampling/feed.cl"
};
static const unsigned char sampling_listed_cl[] = {
#embed "sampling/listed.cl"
};
static const unsigned char sampling_locate_cl[] = {
#embed "sampling/locate.cl"
};
static const unsigned char sampling_mass_cl[] = {
#embed "sampling/mass.cl"
};
static const unsigned char sampling_probability_cl[] = {
#embed "sampling/probability.cl"
};
static const unsigned char sampling_row_cl[] = {
#embed "sampling/row.cl"
};
static const unsigned char sampling_select_cl[] = {
#embed "sampling/select.cl"
};
static const unsigned char sampling_survey_cl[] = {
#embed "sampling/survey.cl"
};
static const unsigned char sampling_tallies_cl[] = {
#embed "sampling/tallies.cl"
};
static const unsigned char sampling_threshold_cl[] = {
#embed "sampling/threshold.cl"
};
static const unsigned char sampling_top_tokens_cl[] = {
#embed "sampling/top_tokens.cl"
};
static const unsigned char sampling_weigh_cl[] = {
#embed "sampling/weigh.cl"
};
static const unsigned char step_phases_cl[] = {
#embed "step/phases.cl"
};
static const unsigned char step_step_program_cl[] = {
#embed "step/step_program.cl"
};
static const unsigned char include_TesseraArguments_h[] = {
#embed "include/TesseraArguments.h"
};

static const tessera_kernel_file files[] = {
    {"activation/activation.cl", activation_activation_cl, sizeof activation_activation_cl},
    {"activation/soft_cap.cl", activation_soft_cap_cl, sizeof activation_soft_cap_cl},
    {"attention/decode_attention.simt.cl", attention_decode_attention_simt_cl, sizeof attention_decode_attention_simt_cl},
    {"attention/flash_attention.ptx.cl", attention_flash_attention_ptx_cl, sizeof attention_flash_attention_ptx_cl},
    {"attention/flash_attention.simt.cl", attention_flash_attention_simt_cl, sizeof attention_flash_attention_simt_cl},
    {"attention/flash_attention.vector.cl", attention_flash_attention_vector_cl, sizeof attention_flash_attention_vector_cl},
    {"attention/form.cl", attention_form_cl, sizeof attention_form_cl},
    {"attention/merge.cl", attention_merge_cl, sizeof attention_merge_cl},
    {"attention/merge.simt.cl", attention_merge_simt_cl, sizeof attention_merge_simt_cl},
    {"attention/results.simt.cl", attention_results_simt_cl, sizeof attention_results_simt_cl},
    {"attention/rows.simt.cl", attention_rows_simt_cl, sizeof attention_rows_simt_cl},
    {"attention/runs.simt.cl", attention_runs_simt_cl, sizeof attention_runs_simt_cl},
    {"attention/scores.cl", attention_scores_cl, sizeof attention_scores_cl},
    {"attention/values.cl", attention_values_cl, sizeof attention_values_cl},
    {"attention/values.simt.cl", attention_values_simt_cl, sizeof attention_values_simt_cl},
    {"cache/blocks.cl", cache_blocks_cl, sizeof cache_blocks_cl},
    {"cache/rotate.cl", cache_rotate_cl, sizeof cache_rotate_cl},
    {"cache/rounding.cl", cache_rounding_cl, sizeof cache_rounding_cl},
    {"common/activations.cl", common_activations_cl, sizeof common_activations_cl},
    {"common/cache.cl", common_cache_cl, sizeof common_cache_cl},
    {"common/copies.cl", common_copies_cl, sizeof common_copies_cl},
    {"common/float_probe.cl", common_float_probe_cl, sizeof common_float_probe_cl},
    {"common/halves.cl", common_halves_cl, sizeof common_halves_cl},
    {"common/kernel.cl", common_kernel_cl, sizeof common_kernel_cl},
    {"common/lanes.cl", common_lanes_cl, sizeof common_lanes_cl},
    {"common/loop_probe.cl", common_loop_probe_cl, sizeof common_loop_probe_cl},
    {"common/math.cl", common_math_cl, sizeof common_math_cl},
    {"common/mma.cl", common_mma_cl, sizeof common_mma_cl},
    {"common/sums.cl", common_sums_cl, sizeof common_sums_cl},
    {"common/wgmma.cl", common_wgmma_cl, sizeof common_wgmma_cl},
    {"common/wgmma_probe.cl", common_wgmma_probe_cl, sizeof common_wgmma_probe_cl},
    {"common/wide.cl", common_wide_cl, sizeof common_wide_cl},
    {"embedding/embedding.cl", embedding_embedding_cl, sizeof embedding_embedding_cl},
    {"experts/combine.cl", experts_combine_cl, sizeof experts_combine_cl},
    {"experts/heads.cl", experts_heads_cl, sizeof experts_heads_cl},
    {"experts/route.cl", experts_route_cl, sizeof experts_route_cl},
    {"matmul/activations.cl", matmul_activations_cl, sizeof matmul_activations_cl},
    {"matmul/activations_16.cl", matmul_activations_16_cl, sizeof matmul_activations_16_cl},
    {"matmul/activations_8.cl", matmul_activations_8_cl, sizeof matmul_activations_8_cl},
    {"matmul/dot_8.cl", matmul_dot_8_cl, sizeof matmul_dot_8_cl},
    {"matmul/dot_8_probe.cl", matmul_dot_8_probe_cl, sizeof matmul_dot_8_probe_cl},
    {"matmul/epilogue.cl", matmul_epilogue_cl, sizeof matmul_epilogue_cl},
    {"matmul/format_16.cl", matmul_format_16_cl, sizeof matmul_format_16_cl},
    {"matmul/format_8.cl", matmul_format_8_cl, sizeof matmul_format_8_cl},
    {"matmul/matmul.cl", matmul_matmul_cl, sizeof matmul_matmul_cl},
    {"matmul/matmul.simt.cl", matmul_matmul_simt_cl, sizeof matmul_matmul_simt_cl},
    {"matmul/matmul_16.ptx.cl", matmul_matmul_16_ptx_cl, sizeof matmul_matmul_16_ptx_cl},
    {"matmul/matmul_16.wgmma.cl", matmul_matmul_16_wgmma_cl, sizeof matmul_matmul_16_wgmma_cl},
    {"matmul/matmul_8.cl", matmul_matmul_8_cl, sizeof matmul_matmul_8_cl},
    {"matmul/matmul_8.ptx.cl", matmul_matmul_8_ptx_cl, sizeof matmul_matmul_8_ptx_cl},
    {"matmul/mma_probe.ptx.cl", matmul_mma_probe_ptx_cl, sizeof matmul_mma_probe_ptx_cl},
    {"matmul/pack.cl", matmul_pack_cl, sizeof matmul_pack_cl},
    {"matmul/panels_16.cl", matmul_panels_16_cl, sizeof matmul_panels_16_cl},
    {"matmul/product.cl", matmul_product_cl, sizeof matmul_product_cl},
    {"matmul/product.simt.cl", matmul_product_simt_cl, sizeof matmul_product_simt_cl},
    {"matmul/product_8.cl", matmul_product_8_cl, sizeof matmul_product_8_cl},
    {"matmul/quantize_8.cl", matmul_quantize_8_cl, sizeof matmul_quantize_8_cl},
    {"matmul/quantize_8.simt.cl", matmul_quantize_8_simt_cl, sizeof matmul_quantize_8_simt_cl},
    {"matmul/round_8.cl", matmul_round_8_cl, sizeof matmul_round_8_cl},
    {"matmul/rows.cl", matmul_rows_cl, sizeof matmul_rows_cl},
    {"matmul/source.simt.cl", matmul_source_simt_cl, sizeof matmul_source_simt_cl},
    {"matmul/tile.cl", matmul_tile_cl, sizeof matmul_tile_cl},
    {"matmul/tiles.simt.cl", matmul_tiles_simt_cl, sizeof matmul_tiles_simt_cl},
    {"norm/layernorm.cl", norm_layernorm_cl, sizeof norm_layernorm_cl},
    {"norm/rmsnorm.cl", norm_rmsnorm_cl, sizeof norm_rmsnorm_cl},
    {"norm/row.cl", norm_row_cl, sizeof norm_row_cl},
    {"norm/staged.cl", norm_staged_cl, sizeof norm_staged_cl},
    {"quantization/bfloat_16.cl", quantization_bfloat_16_cl, sizeof quantization_bfloat_16_cl},
    {"quantization/bits_2.cl", quantization_bits_2_cl, sizeof quantization_bits_2_cl},
    {"quantization/bits_3.cl", quantization_bits_3_cl, sizeof quantization_bits_3_cl},
    {"quantization/bits_4.cl", quantization_bits_4_cl, sizeof quantization_bits_4_cl},
    {"quantization/bits_5.cl", quantization_bits_5_cl, sizeof quantization_bits_5_cl},
    {"quantization/bits_6.cl", quantization_bits_6_cl, sizeof quantization_bits_6_cl},
    {"quantization/bits_8.cl", quantization_bits_8_cl, sizeof quantization_bits_8_cl},
    {"quantization/both_styles.cl", quantization_both_styles_cl, sizeof quantization_both_styles_cl},
    {"quantization/codebook_1.cl", quantization_codebook_1_cl, sizeof quantization_codebook_1_cl},
    {"quantization/codebook_2.cl", quantization_codebook_2_cl, sizeof quantization_codebook_2_cl},
    {"quantization/codebook_3.cl", quantization_codebook_3_cl, sizeof quantization_codebook_3_cl},
    {"quantization/float_16.cl", quantization_float_16_cl, sizeof quantization_float_16_cl},
    {"quantization/float_32.cl", quantization_float_32_cl, sizeof quantization_float_32_cl},
    {"quantization/gguf.cl", quantization_gguf_cl, sizeof quantization_gguf_cl},
    {"quantization/gguf_more.cl", quantization_gguf_more_cl, sizeof quantization_gguf_more_cl},
    {"quantization/grid_iq1.cl", quantization_grid_iq1_cl, sizeof quantization_grid_iq1_cl},
    {"quantization/grid_iq2_s.cl", quantization_grid_iq2_s_cl, sizeof quantization_grid_iq2_s_cl},
    {"quantization/grid_iq2_xs.cl", quantization_grid_iq2_xs_cl, sizeof quantization_grid_iq2_xs_cl},
    {"quantization/grid_iq2_xxs.cl", quantization_grid_iq2_xxs_cl, sizeof quantization_grid_iq2_xxs_cl},
    {"quantization/grid_iq3_s.cl", quantization_grid_iq3_s_cl, sizeof quantization_grid_iq3_s_cl},
    {"quantization/grid_iq3_xxs.cl", quantization_grid_iq3_xxs_cl, sizeof quantization_grid_iq3_xxs_cl},
    {"quantization/lookup.cl", quantization_lookup_cl, sizeof quantization_lookup_cl},
    {"quantization/nibbles.cl", quantization_nibbles_cl, sizeof quantization_nibbles_cl},
    {"quantization/quantize.cl", quantization_quantize_cl, sizeof quantization_quantize_cl},
    {"quantization/quantize_32.cl", quantization_quantize_32_cl, sizeof quantization_quantize_32_cl},
    {"quantization/quantize_4_k.cl", quantization_quantize_4_k_cl, sizeof quantization_quantize_4_k_cl},
    {"quantization/quantize_6_k.cl", quantization_quantize_6_k_cl, sizeof quantization_quantize_6_k_cl},
    {"quantization/quantize_floats.cl", quantization_quantize_floats_cl, sizeof quantization_quantize_floats_cl},
    {"quantization/quantize_math.cl", quantization_quantize_math_cl, sizeof quantization_quantize_math_cl},
    {"quantization/quantize_mxfp4.cl", quantization_quantize_mxfp4_cl, sizeof quantization_quantize_mxfp4_cl},
    {"quantization/quantize_trits.cl", quantization_quantize_trits_cl, sizeof quantization_quantize_trits_cl},
    {"quantization/random.cl", quantization_random_cl, sizeof quantization_random_cl},
    {"quantization/repack.cl", quantization_repack_cl, sizeof quantization_repack_cl},
    {"quantization/scale_k.cl", quantization_scale_k_cl, sizeof quantization_scale_k_cl},
    {"quantization/scale_minimum.cl", quantization_scale_minimum_cl, sizeof quantization_scale_minimum_cl},
    {"quantization/scale_signed.cl", quantization_scale_signed_cl, sizeof quantization_scale_signed_cl},
    {"quantization/table_4.cl", quantization_table_4_cl, sizeof quantization_table_4_cl},
    {"quantization/trits.cl", quantization_trits_cl, sizeof quantization_trits_cl},
    {"quantization/weights.cl", quantization_weights_cl, sizeof quantization_weights_cl},
    {"rope/rope_store.cl", rope_rope_store_cl, sizeof rope_rope_store_cl},
    {"rows/gather_rows.cl", rows_gather_rows_cl, sizeof rows_gather_rows_cl},
    {"sampling/adjust.cl", sampling_adjust_cl, sizeof sampling_adjust_cl},
    {"sampling/bins.cl", sampling_bins_cl, sizeof sampling_bins_cl},
    {"sampling/draw.cl", sampling_draw_cl, sizeof sampling_draw_cl},
    {"sampling/feed.cl", sampling_feed_cl, sizeof sampling_feed_cl},
    {"sampling/listed.cl", sampling_listed_cl, sizeof sampling_listed_cl},
    {"sampling/locate.cl", sampling_locate_cl, sizeof sampling_locate_cl},
    {"sampling/mass.cl", sampling_mass_cl, sizeof sampling_mass_cl},
    {"sampling/probability.cl", sampling_probability_cl, sizeof sampling_probability_cl},
    {"sampling/row.cl", sampling_row_cl, sizeof sampling_row_cl},
    {"sampling/select.cl", sampling_select_cl, sizeof sampling_select_cl},
    {"sampling/survey.cl", sampling_survey_cl, sizeof sampling_survey_cl},
    {"sampling/tallies.cl", sampling_tallies_cl, sizeof sampling_tallies_cl},
    {"sampling/threshold.cl", sampling_threshold_cl, sizeof sampling_threshold_cl},
    {"sampling/top_tokens.cl", sampling_top_tokens_cl, sizeof sampling_top_tokens_cl},
    {"sampling/weigh.cl", sampling_weigh_cl, sizeof sampling_weigh_cl},
    {"step/phases.cl", step_phases_cl, sizeof step_phases_cl},
    {"step/step_program.cl", step_step_program_cl, sizeof step_step_program_cl},
    {"include/TesseraArguments.h", include_TesseraArguments_h, sizeof include_TesseraArguments_h},
};

const tessera_kernel_file *tessera_kernel_files(size_t *count) {
  *count = sizeof files / sizeof files[0];
  return files;
}
