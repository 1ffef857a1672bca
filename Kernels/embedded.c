#include "TesseraKernels.h"

// Every kernel file, embedded in the binary. Written by scripts/list-kernels: run it instead of editing.
static const unsigned char activation_gated_cl[] = {
#embed "activation/gated.cl"
};
static const unsigned char activation_soft_cap_cl[] = {
#embed "activation/soft_cap.cl"
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
static const unsigned char attention_scores_cl[] = {
#embed "attention/scores.cl"
};
static const unsigned char attention_values_cl[] = {
#embed "attention/values.cl"
};
static const unsigned char common_cache_cl[] = {
#embed "common/cache.cl"
};
static const unsigned char common_lanes_cl[] = {
#embed "common/lanes.cl"
};
static const unsigned char common_math_cl[] = {
#embed "common/math.cl"
};
static const unsigned char common_sums_cl[] = {
#embed "common/sums.cl"
};
static const unsigned char embedding_embedding_cl[] = {
#embed "embedding/embedding.cl"
};
static const unsigned char matmul_activations_cl[] = {
#embed "matmul/activations.cl"
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
static const unsigned char matmul_format_8_cl[] = {
#embed "matmul/format_8.cl"
};
static const unsigned char matmul_matmul_cl[] = {
#embed "matmul/matmul.cl"
};
static const unsigned char matmul_matmul_8_cl[] = {
#embed "matmul/matmul_8.cl"
};
static const unsigned char matmul_pack_cl[] = {
#embed "matmul/pack.cl"
};
static const unsigned char matmul_product_cl[] = {
#embed "matmul/product.cl"
};
static const unsigned char matmul_product_8_cl[] = {
#embed "matmul/product_8.cl"
};
static const unsigned char matmul_quantise_8_cl[] = {
#embed "matmul/quantise_8.cl"
};
static const unsigned char norm_rmsnorm_cl[] = {
#embed "norm/rmsnorm.cl"
};
static const unsigned char norm_row_cl[] = {
#embed "norm/row.cl"
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
static const unsigned char quantization_quantize_halves_cl[] = {
#embed "quantization/quantize_halves.cl"
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
static const unsigned char sampling_candidates_cl[] = {
#embed "sampling/candidates.cl"
};
static const unsigned char step_phases_cl[] = {
#embed "step/phases.cl"
};
static const unsigned char step_product_cl[] = {
#embed "step/product.cl"
};
static const unsigned char step_step_program_cl[] = {
#embed "step/step_program.cl"
};

#define ENTRY(path, bytes) {path, bytes, sizeof bytes}

static const tessera_kernel_file files[] = {
    ENTRY("activation/gated.cl", activation_gated_cl),
    ENTRY("activation/soft_cap.cl", activation_soft_cap_cl),
    ENTRY("attention/flash_attention.simt.cl", attention_flash_attention_simt_cl),
    ENTRY("attention/flash_attention.vector.cl", attention_flash_attention_vector_cl),
    ENTRY("attention/form.cl", attention_form_cl),
    ENTRY("attention/merge.cl", attention_merge_cl),
    ENTRY("attention/scores.cl", attention_scores_cl),
    ENTRY("attention/values.cl", attention_values_cl),
    ENTRY("common/cache.cl", common_cache_cl),
    ENTRY("common/lanes.cl", common_lanes_cl),
    ENTRY("common/math.cl", common_math_cl),
    ENTRY("common/sums.cl", common_sums_cl),
    ENTRY("embedding/embedding.cl", embedding_embedding_cl),
    ENTRY("matmul/activations.cl", matmul_activations_cl),
    ENTRY("matmul/activations_8.cl", matmul_activations_8_cl),
    ENTRY("matmul/dot_8.cl", matmul_dot_8_cl),
    ENTRY("matmul/dot_8_probe.cl", matmul_dot_8_probe_cl),
    ENTRY("matmul/epilogue.cl", matmul_epilogue_cl),
    ENTRY("matmul/format_8.cl", matmul_format_8_cl),
    ENTRY("matmul/matmul.cl", matmul_matmul_cl),
    ENTRY("matmul/matmul_8.cl", matmul_matmul_8_cl),
    ENTRY("matmul/pack.cl", matmul_pack_cl),
    ENTRY("matmul/product.cl", matmul_product_cl),
    ENTRY("matmul/product_8.cl", matmul_product_8_cl),
    ENTRY("matmul/quantise_8.cl", matmul_quantise_8_cl),
    ENTRY("norm/rmsnorm.cl", norm_rmsnorm_cl),
    ENTRY("norm/row.cl", norm_row_cl),
    ENTRY("quantization/bfloat_16.cl", quantization_bfloat_16_cl),
    ENTRY("quantization/bits_2.cl", quantization_bits_2_cl),
    ENTRY("quantization/bits_3.cl", quantization_bits_3_cl),
    ENTRY("quantization/bits_4.cl", quantization_bits_4_cl),
    ENTRY("quantization/bits_5.cl", quantization_bits_5_cl),
    ENTRY("quantization/bits_6.cl", quantization_bits_6_cl),
    ENTRY("quantization/bits_8.cl", quantization_bits_8_cl),
    ENTRY("quantization/codebook_1.cl", quantization_codebook_1_cl),
    ENTRY("quantization/codebook_2.cl", quantization_codebook_2_cl),
    ENTRY("quantization/codebook_3.cl", quantization_codebook_3_cl),
    ENTRY("quantization/float_16.cl", quantization_float_16_cl),
    ENTRY("quantization/float_32.cl", quantization_float_32_cl),
    ENTRY("quantization/gguf.cl", quantization_gguf_cl),
    ENTRY("quantization/gguf_more.cl", quantization_gguf_more_cl),
    ENTRY("quantization/grid_iq1.cl", quantization_grid_iq1_cl),
    ENTRY("quantization/grid_iq2_s.cl", quantization_grid_iq2_s_cl),
    ENTRY("quantization/grid_iq2_xs.cl", quantization_grid_iq2_xs_cl),
    ENTRY("quantization/grid_iq2_xxs.cl", quantization_grid_iq2_xxs_cl),
    ENTRY("quantization/grid_iq3_s.cl", quantization_grid_iq3_s_cl),
    ENTRY("quantization/grid_iq3_xxs.cl", quantization_grid_iq3_xxs_cl),
    ENTRY("quantization/lookup.cl", quantization_lookup_cl),
    ENTRY("quantization/nibbles.cl", quantization_nibbles_cl),
    ENTRY("quantization/quantize.cl", quantization_quantize_cl),
    ENTRY("quantization/quantize_32.cl", quantization_quantize_32_cl),
    ENTRY("quantization/quantize_4_k.cl", quantization_quantize_4_k_cl),
    ENTRY("quantization/quantize_6_k.cl", quantization_quantize_6_k_cl),
    ENTRY("quantization/quantize_halves.cl", quantization_quantize_halves_cl),
    ENTRY("quantization/quantize_math.cl", quantization_quantize_math_cl),
    ENTRY("quantization/quantize_mxfp4.cl", quantization_quantize_mxfp4_cl),
    ENTRY("quantization/quantize_trits.cl", quantization_quantize_trits_cl),
    ENTRY("quantization/random.cl", quantization_random_cl),
    ENTRY("quantization/repack.cl", quantization_repack_cl),
    ENTRY("quantization/scale_k.cl", quantization_scale_k_cl),
    ENTRY("quantization/scale_minimum.cl", quantization_scale_minimum_cl),
    ENTRY("quantization/scale_signed.cl", quantization_scale_signed_cl),
    ENTRY("quantization/table_4.cl", quantization_table_4_cl),
    ENTRY("quantization/trits.cl", quantization_trits_cl),
    ENTRY("quantization/weights.cl", quantization_weights_cl),
    ENTRY("rope/rope_store.cl", rope_rope_store_cl),
    ENTRY("sampling/candidates.cl", sampling_candidates_cl),
    ENTRY("step/phases.cl", step_phases_cl),
    ENTRY("step/product.cl", step_product_cl),
    ENTRY("step/step_program.cl", step_step_program_cl),
};

const tessera_kernel_file *tessera_kernel_files(size_t *count) {
  *count = sizeof files / sizeof *files;
  return files;
}
