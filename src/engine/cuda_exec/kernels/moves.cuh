// What only moves numbers, adds them, or sums them up.
#pragma once
#include "common.cuh"

// Images (image, channel, row, column) to pixels with padded channels. grid: blocks of pixels.
struct Images {
  Bases bases;
  At from, to;
  Planes planes;
  int channels, padded, pad_;
};
DEVICE void images_to_pixels(const Images& op) {
  const int plane = op.planes.height * op.planes.width, p = blockIdx.x * THREADS + threadIdx.x;
  if (op.planes.images * plane <= p) return;
  const float* from = at(op.bases, op.from) + (size_t)(p / plane) * op.channels * plane + p % plane;
  float* to = at(op.bases, op.to) + (size_t)p * op.padded;
  for (int c = 0; c < op.padded; c++) to[c] = c < op.channels ? from[(size_t)c * plane] : 0.f;
}

// Scales and offsets from running statistics, of all normalizations at once. grid: (1, normalizations)
struct RunningEntry { At gamma, beta, mean, variance, norm; long long channels; };
struct Running { Bases bases; At table; };
DEVICE void affines(const Running& op) {
  const RunningEntry& e = reinterpret_cast<const RunningEntry*>(at(op.bases, op.table))[blockIdx.y];
  const float *gamma = at(op.bases, e.gamma), *beta = at(op.bases, e.beta), *mean = at(op.bases, e.mean), *variance = at(op.bases, e.variance);
  float* norm = at(op.bases, e.norm);
  const int channels = (int)e.channels;
  for (int c = threadIdx.x; c < channels; c += THREADS) {
    const double inverse = 1 / sqrt((double)variance[c] + NORM_EPSILON), scale = gamma[c] * inverse;
    norm[c] = (float)scale;
    norm[channels + c] = (float)(beta[c] - (double)mean[c] * scale);
    norm[2 * channels + c] = mean[c];
    norm[3 * channels + c] = (float)inverse;
  }
}

// y = a + b, each with its normalization. grid: blocks of quads.
struct Add {
  Bases bases;
  At a, a_norm, b, b_norm, y;
  long long quads;
  int channels, pad_;
};
DEVICE void add_values(const Add& op) {
  const long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (op.quads <= i) return;
  const int quad = (int)(i % (op.channels / 4));
  const Affine a = affine_of(at(op.bases, op.a_norm), op.channels, quad), b = affine_of(at(op.bases, op.b_norm), op.channels, quad);
  const f4 x = fma4(a.scale, load4(at(op.bases, op.a), i), a.offset);
  store4(at(op.bases, op.y), i, fma4(b.scale, load4(at(op.bases, op.b), i), b.offset) + x);
}

// Part of a tensor out of, or into, a larger one: joins on channels, zeros around a plane, drop-path's
// factors of images. grid: blocks of values of the small one.
//   put:  large[… + offsets] = factor · affine(small), and zeros elsewhere if `clear`
//   take: small (+)= factor · large[… + offsets]
struct Move {
  Bases bases;
  At small, norm, large, factors;
  Planes inner, outer;
  int real, padded, outer_padded, row, column, channel, accumulate, pad_;
};
DEVICE bool places_of_move(const Move& op, size_t* small, size_t* large, float* factor, int* channel) {
  const long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
  const long long pixels = (long long)op.inner.images * op.inner.height * op.inner.width;
  if (pixels * op.real <= i) return false;
  const int c = (int)(i % op.real);
  const long long p = i / op.real, line = p / op.inner.width;
  const int column = (int)(p % op.inner.width), row = (int)(line % op.inner.height), image = (int)(line / op.inner.height);
  *small = (size_t)p * op.padded + c;
  *large = pixel(op.outer, image, row + op.row, column + op.column) * op.outer_padded + op.channel + c;
  const float* factors = at(op.bases, op.factors);
  *factor = factors == nullptr ? 1.f : factors[image];
  *channel = c;
  return true;
}
DEVICE void put_part(const Move& op) {
  size_t small, large;
  float factor;
  int c;
  if (!places_of_move(op, &small, &large, &factor, &c)) return;
  const float* norm = at(op.bases, op.norm);
  float v = at(op.bases, op.small)[small];
  if (norm != nullptr) v = fmaf(norm[c], v, norm[op.padded + c]);
  at(op.bases, op.large)[large] = factor * v;
}
DEVICE void take_part(const Move& op) {
  size_t small, large;
  float factor;
  int c;
  if (!places_of_move(op, &small, &large, &factor, &c)) return;
  float* to = at(op.bases, op.small) + small;
  const float v = factor * at(op.bases, op.large)[large];
  *to = op.accumulate ? *to + v : v;
}

// Zeros. grid: blocks of quads.
struct Clear { Bases bases; At to; long long quads; };
DEVICE void clear_values(const Clear& op) {
  const long long i = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (i < op.quads) store4(at(op.bases, op.to), i, zero4());
}

// Σ d and Σ d·ẑ of one or two normalizations whose outputs have the same gradient. grid: (blocks, ⌈quads / 8⌉)
struct NormSums {
  Bases bases;
  At d, z[2];
  Back back[2];
  long long pixels;
  int channels, n, pixels_of_block, pad_;
};
DEVICE void sum_norms(const NormSums& op) {
  __shared__ f4 room[THREADS];
  const int quads = op.channels / 4, first_quad = blockIdx.y * 8, wide = min(8, quads - first_quad), lanes = THREADS / wide;
  const int t = threadIdx.x, lane = t / wide, quad = first_quad + t % wide;
  const long long begin = (long long)blockIdx.x * op.pixels_of_block, end = min(op.pixels, begin + op.pixels_of_block);
  const float* d = at(op.bases, op.d);
  const float* z[2] = {at(op.bases, op.z[0]), op.n == 2 ? at(op.bases, op.z[1]) : nullptr};
  const Standard one = standard_of(at(op.bases, op.back[0].norm), op.channels, quad);
  const Standard two = standard_of(at(op.bases, op.back[op.n - 1].norm), op.channels, quad);
  f4 sums[3] = {zero4(), zero4(), zero4()};
  if (lane < lanes)
    for (long long p = begin + lane; p < end; p += lanes) {
      const size_t place = (size_t)p * quads + quad;
      const f4 v = load4(d, place);
      sums[0] = sums[0] + v;
      sums[1] = fma4(v, standard_at(one, load4(z[0], place)), sums[1]);
      if (op.n == 2) sums[2] = fma4(v, standard_at(two, load4(z[1], place)), sums[2]);
    }
  float* partials = at(op.bases, op.back[0].partials) + (size_t)blockIdx.x * 3 * op.channels;
#pragma unroll
  for (int which = 0; which < 3; which++) {
    __syncthreads();
    room[t] = sums[which];
    __syncthreads();
    if (t < wide) {
      f4 sum = zero4();
      for (int l = 0; l < lanes; l++) sum = sum + room[l * wide + t];
      store4(partials + which * op.channels, first_quad + t, sum);
    }
  }
  if (!is_last_block((int*)at(op.bases, op.back[0].ticket), gridDim.x * gridDim.y)) return;
  column_sums<3>(at(op.bases, op.back[0].partials), gridDim.x, op.channels, [&](int c, const double* found) {
    for (int i = 0; i < op.n; i++) keep_back(op.bases, op.back[i], op.channels, c, found[0], found[1 + i]);
  });
}

// The gradient of all weights out of their shares, in the order of these. grid: (blocks, entries)
struct FinishEntry { At partials, to; long long rows, stride, len; };
struct Finish { Bases bases; At table; };
DEVICE void finish_weights(const Finish& op) {
  const FinishEntry& e = reinterpret_cast<const FinishEntry*>(at(op.bases, op.table))[blockIdx.y];
  const float* from = at(op.bases, e.partials);
  float* to = at(op.bases, e.to);
  for (long long i = (long long)blockIdx.x * THREADS + threadIdx.x; i < e.len; i += (long long)gridDim.x * THREADS) {
    double sum = 0;
    for (long long row = 0; row < e.rows; row++) sum += from[row * e.stride + i];
    to[i] = (float)sum;
  }
}
