// What a device makes of quotients, roots, multiply-adds and products: compared with the host's to the bit (FloatProbe.swift).
//
//   x   (count, 3): a, b, c
//   y   (count, 4): a / b, √|a|, a · b + c rounded once, a · c
//
// global size (count), local size (1)

kernel __attribute__((reqd_work_group_size(1, 1, 1))) void float_probe(global const float *x, global float *y) {
  const uint i = get_global_id(0);
  const float a = x[3 * i], b = x[3 * i + 1], c = x[3 * i + 2];
  y[4 * i] = a / b;
  y[4 * i + 1] = sqrt(fabs(a));
  y[4 * i + 2] = fma(a, b, c);
  y[4 * i + 3] = a * c;
}
