#include "TesseraKernels.h"

// Every kernel file, embedded in the binary. A new file needs a line here and one in the table.
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
static const unsigned char common_cache_cl[] = {
#embed "common/cache.cl"
};
static const unsigned char common_lanes_cl[] = {
#embed "common/lanes.cl"
};
static const unsigned char common_math_cl[] = {
#embed "common/math.cl"
};
static const unsigned char embedding_embedding_cl[] = {
#embed "embedding/embedding.cl"
};
static const unsigned char matmul_activations_cl[] = {
#embed "matmul/activations.cl"
};
static const unsigned char matmul_epilogue_cl[] = {
#embed "matmul/epilogue.cl"
};
static const unsigned char matmul_matmul_cl[] = {
#embed "matmul/matmul.cl"
};
static const unsigned char norm_rmsnorm_cl[] = {
#embed "norm/rmsnorm.cl"
};
static const unsigned char quantization_bf16_cl[] = {
#embed "quantization/bf16.cl"
};
static const unsigned char quantization_f16_cl[] = {
#embed "quantization/f16.cl"
};
static const unsigned char quantization_f32_cl[] = {
#embed "quantization/f32.cl"
};
static const unsigned char quantization_gguf_cl[] = {
#embed "quantization/gguf.cl"
};
static const unsigned char quantization_q4_0_cl[] = {
#embed "quantization/q4_0.cl"
};
static const unsigned char quantization_q4_1_cl[] = {
#embed "quantization/q4_1.cl"
};
static const unsigned char quantization_q4_k_cl[] = {
#embed "quantization/q4_k.cl"
};
static const unsigned char quantization_q5_0_cl[] = {
#embed "quantization/q5_0.cl"
};
static const unsigned char quantization_q5_1_cl[] = {
#embed "quantization/q5_1.cl"
};
static const unsigned char quantization_q5_k_cl[] = {
#embed "quantization/q5_k.cl"
};
static const unsigned char quantization_q6_k_cl[] = {
#embed "quantization/q6_k.cl"
};
static const unsigned char quantization_q8_0_cl[] = {
#embed "quantization/q8_0.cl"
};
static const unsigned char quantization_repack_cl[] = {
#embed "quantization/repack.cl"
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

#define ENTRY(path, text) {path, text, sizeof text}
static const tessera_kernel_file files[] = {
    ENTRY("activation/gated.cl", activation_gated_cl),
    ENTRY("activation/soft_cap.cl", activation_soft_cap_cl),
    ENTRY("attention/flash_attention.simt.cl", attention_flash_attention_simt_cl),
    ENTRY("attention/flash_attention.vector.cl", attention_flash_attention_vector_cl),
    ENTRY("common/cache.cl", common_cache_cl),
    ENTRY("common/lanes.cl", common_lanes_cl),
    ENTRY("common/math.cl", common_math_cl),
    ENTRY("embedding/embedding.cl", embedding_embedding_cl),
    ENTRY("matmul/activations.cl", matmul_activations_cl),
    ENTRY("matmul/epilogue.cl", matmul_epilogue_cl),
    ENTRY("matmul/matmul.cl", matmul_matmul_cl),
    ENTRY("norm/rmsnorm.cl", norm_rmsnorm_cl),
    ENTRY("quantization/bf16.cl", quantization_bf16_cl),
    ENTRY("quantization/f16.cl", quantization_f16_cl),
    ENTRY("quantization/f32.cl", quantization_f32_cl),
    ENTRY("quantization/gguf.cl", quantization_gguf_cl),
    ENTRY("quantization/q4_0.cl", quantization_q4_0_cl),
    ENTRY("quantization/q4_1.cl", quantization_q4_1_cl),
    ENTRY("quantization/q4_k.cl", quantization_q4_k_cl),
    ENTRY("quantization/q5_0.cl", quantization_q5_0_cl),
    ENTRY("quantization/q5_1.cl", quantization_q5_1_cl),
    ENTRY("quantization/q5_k.cl", quantization_q5_k_cl),
    ENTRY("quantization/q6_k.cl", quantization_q6_k_cl),
    ENTRY("quantization/q8_0.cl", quantization_q8_0_cl),
    ENTRY("quantization/repack.cl", quantization_repack_cl),
    ENTRY("quantization/weights.cl", quantization_weights_cl),
    ENTRY("rope/rope_store.cl", rope_rope_store_cl),
    ENTRY("sampling/candidates.cl", sampling_candidates_cl),
};

const tessera_kernel_file *tessera_kernel_files(size_t *count) {
  *count = sizeof files / sizeof *files;
  return files;
}
