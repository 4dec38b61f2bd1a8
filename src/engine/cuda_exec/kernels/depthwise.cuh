// The gradient of a separable convolution from that of its depthwise outputs: of its input, of the taps,
// and Σ d, Σ d·ẑ of the normalization before it. grid: (blocks, ⌈quads / 8⌉)
#pragma once
#include "product.cuh"

struct DepthwiseBackward {
  Bases bases;
  At du, partials;
  Planes in, out;
  Window window;
  int strips_of_block, pad_;
  Source source;
};

struct DepthwiseGrad {
  const float* du;
  int quads;
  Planes in, out;
  Window window;
  // d of output (row, column), which may be none.
  __device__ __forceinline__ f4 at_output(int image, int row, int column, int quad) const {
    const bool inside = 0 <= row && row < out.height && 0 <= column && column < out.width;
    return inside ? load4(du, pixel(out, image, row, column) * quads + quad) : zero4();
  }
  // d of the output that sees (row, column) under a tap, which may be none.
  __device__ __forceinline__ f4 seen(const Place& p, int j, int ky, int kx, int quad) const {
    const int row = p.row + window.above - ky * window.row_gap, column = p.column + j + window.left - kx * window.column_gap;
    if (row < 0 || column < 0 || row % window.down != 0 || column % window.across != 0) return zero4();
    return at_output(p.image, row / window.down, column / window.across, quad);
  }
};

// K as for `Values::convolved`.
template <int K>
DEVICE Block4 input_grad(const DepthwiseGrad& g, const float* taps, const Place& p, int quad) {
  Block4 sum;
#pragma unroll
  for (int j = 0; j < 4; j++) sum.pixel[j] = zero4();
  if constexpr (K != 0) {
#pragma unroll 1
    for (int ky = 0; ky < K; ky++) {
      f4 w[K];
#pragma unroll
      for (int kx = 0; kx < K; kx++) w[kx] = load4(taps, (size_t)(ky * K + kx) * g.quads + quad);
#pragma unroll
      for (int cell = 0; cell < K + 3; cell++) {
        const f4 d = g.at_output(p.image, p.row + g.window.above - ky, p.column + cell + g.window.left - (K - 1), quad);
#pragma unroll
        for (int j = 0; j < 4; j++) {
          const int kx = j + K - 1 - cell;
          if (0 <= kx && kx < K) sum.pixel[j] = fma4(w[kx < 0 || K <= kx ? 0 : kx], d, sum.pixel[j]);
        }
      }
    }
  } else {
#pragma unroll 1
    for (int tap = 0; tap < g.window.rows * g.window.columns; tap++) {
      const f4 w = load4(taps, (size_t)tap * g.quads + quad);
#pragma unroll
      for (int j = 0; j < 4; j++)
        sum.pixel[j] = fma4(w, g.seen(p, j, tap / g.window.columns, tap % g.window.columns, quad), sum.pixel[j]);
    }
  }
  return sum;
}

template <int K>
DEVICE void depthwise_backward(const DepthwiseBackward& op) {
  // Columns of taps whose sums a pass keeps.
  constexpr int KEPT = K == 0 ? 1 : K;
  __shared__ f4 room[THREADS * KEPT];
  const Source& s = op.source;
  const int quads = s.channels / 4, first_quad = blockIdx.y * QUADS, wide = min(QUADS, quads - first_quad), lanes = THREADS / wide;
  const int t = threadIdx.x, lane = t / wide, quad = first_quad + t % wide;
  const int begin = blockIdx.x * op.strips_of_block, end = min(n_strips(op.in), begin + op.strips_of_block);
  const DepthwiseGrad grad = {at(op.bases, op.du), quads, op.in, op.out, op.window};
  const float *taps = at(op.bases, s.depthwise), *x = at(op.bases, s.x), *norm = at(op.bases, s.norm);
  const Affine affine = affine_of(norm, s.channels, quad);
  const Sink sink = Sink::of(op.bases, s);
  f4 total = zero4(), by_z = zero4();
  if (lane < lanes && 0 <= s.dx)
    for (int strip = begin + lane; strip < end; strip += lanes) {
      const Place p = place_of(strip, op.in);
      const Block4 d = input_grad<K>(grad, taps, p, quad);
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (p.column + j < op.in.width) sink.put(pixel(op.in, p.image, p.row, p.column + j) * quads + quad, quad, d.pixel[j], total, by_z);
    }
  float* partials = at(op.bases, op.partials) + (size_t)blockIdx.x * op.window.rows * op.window.columns * s.channels;
  const int passes = op.window.rows * op.window.columns / KEPT;
#pragma unroll 1
  for (int pass = 0; pass < passes; pass++) {
    f4 acc[KEPT];
#pragma unroll
    for (int kx = 0; kx < KEPT; kx++) acc[kx] = zero4();
    if (lane < lanes)
      for (int strip = begin + lane; strip < end; strip += lanes) {
        const Place p = place_of(strip, op.in);
        f4 v[4];
#pragma unroll
        for (int j = 0; j < 4; j++)
          v[j] = p.column + j < op.in.width ? value_at(x, pixel(op.in, p.image, p.row, p.column + j) * quads + quad, affine, s.relu) : zero4();
        if constexpr (K != 0) {
#pragma unroll
          for (int cell = 0; cell < K + 3; cell++) {
            const f4 d = grad.at_output(p.image, p.row + op.window.above - pass, p.column + cell + op.window.left - (K - 1), quad);
#pragma unroll
            for (int j = 0; j < 4; j++) {
              const int kx = j + K - 1 - cell;
              if (0 <= kx && kx < K) acc[kx < 0 || K <= kx ? 0 : kx] = fma4(v[j], d, acc[kx < 0 || K <= kx ? 0 : kx]);
            }
          }
        } else {
#pragma unroll
          for (int j = 0; j < 4; j++)
            acc[0] = fma4(v[j], grad.seen(p, j, pass / op.window.columns, pass % op.window.columns, quad), acc[0]);
        }
      }
    __syncthreads();
#pragma unroll
    for (int kx = 0; kx < KEPT; kx++) room[kx * THREADS + t] = acc[kx];
    __syncthreads();
    for (int i = t; i < KEPT * wide; i += THREADS) {
      f4 sum = zero4();
      for (int l = 0; l < lanes; l++) sum = sum + room[i / wide * THREADS + l * wide + i % wide];
      store4(partials, (size_t)(pass * KEPT + i / wide) * quads + first_quad + i % wide, sum);
    }
  }
  if (s.dx < 0 || s.back.partials < 0) return;
  float* sums = at(op.bases, s.back.partials) + (size_t)blockIdx.x * 2 * s.channels;
#pragma unroll 1
  for (int which = 0; which < 2; which++) {
    __syncthreads();
    room[t] = which == 0 ? total : by_z;
    __syncthreads();
    if (t < wide) {
      f4 sum = zero4();
      for (int l = 0; l < lanes; l++) sum = sum + room[l * wide + t];
      store4(sums + which * s.channels, first_quad + t, sum);
    }
  }
  if (is_last_block((int*)at(op.bases, s.back.ticket), gridDim.x * gridDim.y)) finish_back(op.bases, s.back, s.channels, gridDim.x);
}
