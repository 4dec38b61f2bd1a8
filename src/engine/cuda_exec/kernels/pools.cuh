// Average and maximum pools. grid: blocks of quads, of outputs forward, of inputs backward.
#pragma once
#include "product.cuh"

struct Pool {
  Bases bases;
  At x, norm, y, taps, d, dx;
  Planes in, out;
  Window window;
  int channels, relu, accumulate, pad_;
};

// Taps of a window that lie inside, along one side.
DEVICE int inside(int output, int stride, int before, int kernel, int side) {
  const int first = output * stride - before;
  return min(side, first + kernel) - max(0, first);
}
struct PoolPlace { Place p; int quad; bool is; };
DEVICE PoolPlace pool_place(const Planes& planes, int quads) {
  const long long i = (long long)blockIdx.x * THREADS + threadIdx.x, p = i / quads, line = p / planes.width;
  return {{(int)(line / planes.height), (int)(line % planes.height), (int)(p % planes.width)}, (int)(i % quads), p < (long long)planes.images * planes.height * planes.width};
}

DEVICE void average(const Pool& op) {
  const int quads = op.channels / 4;
  const PoolPlace place = pool_place(op.out, quads);
  if (!place.is) return;
  const Window& w = op.window;
  const float* x = at(op.bases, op.x);
  const Affine affine = affine_of(at(op.bases, op.norm), op.channels, place.quad);
  f4 sum = zero4();
  for (int ky = 0; ky < w.rows; ky++)
    for (int kx = 0; kx < w.columns; kx++) {
      const int row = place.p.row * w.down + ky - w.above, column = place.p.column * w.across + kx - w.left;
      if (0 <= row && row < op.in.height && 0 <= column && column < op.in.width)
        sum = sum + value_at(x, pixel(op.in, place.p.image, row, column) * quads + place.quad, affine, op.relu);
    }
  const int n = inside(place.p.row, w.down, w.above, w.rows, op.in.height) * inside(place.p.column, w.across, w.left, w.columns, op.in.width);
  store4(at(op.bases, op.y), pixel(op.out, place.p.image, place.p.row, place.p.column) * quads + place.quad, sum * splat(1.f / n));
}

struct alignas(4) Tap4 { unsigned char x, y, z, w; };
DEVICE void larger(float v, int tap, float& most, unsigned char& best) {
  // The first of equals; what is no number is the largest.
  if (!(v <= most) && most == most) most = v, best = (unsigned char)tap;
}
DEVICE void maximum(const Pool& op) {
  const int quads = op.channels / 4;
  const PoolPlace place = pool_place(op.out, quads);
  if (!place.is) return;
  const Window& w = op.window;
  const float* x = at(op.bases, op.x);
  const Affine affine = affine_of(at(op.bases, op.norm), op.channels, place.quad);
  f4 most = splat(-INFINITY);
  Tap4 best = {255, 255, 255, 255};
  for (int ky = 0; ky < w.rows; ky++)
    for (int kx = 0; kx < w.columns; kx++) {
      const int row = place.p.row * w.down + ky - w.above, column = place.p.column * w.across + kx - w.left, tap = ky * w.columns + kx;
      if (row < 0 || op.in.height <= row || column < 0 || op.in.width <= column) continue;
      const f4 v = value_at(x, pixel(op.in, place.p.image, row, column) * quads + place.quad, affine, false);
      larger(v.x, tap, most.x, best.x);
      larger(v.y, tap, most.y, best.y);
      larger(v.z, tap, most.z, best.z);
      larger(v.w, tap, most.w, best.w);
    }
  const size_t to = pixel(op.out, place.p.image, place.p.row, place.p.column) * quads + place.quad;
  store4(at(op.bases, op.y), to, most);
  if (0 <= op.taps) reinterpret_cast<Tap4*>(at(op.bases, op.taps))[to] = best;
}

// A pixel gathers from the windows that it is in.
template <bool MAX>
DEVICE void pool_backward(const Pool& op) {
  const int quads = op.channels / 4;
  const PoolPlace place = pool_place(op.in, quads);
  if (!place.is) return;
  const Window& w = op.window;
  const float* d = at(op.bases, op.d);
  const Tap4* taps = reinterpret_cast<const Tap4*>(at(op.bases, op.taps));
  f4 sum = zero4();
  for (int ky = 0; ky < w.rows; ky++)
    for (int kx = 0; kx < w.columns; kx++) {
      const int down = place.p.row + w.above - ky, across = place.p.column + w.left - kx, row = down / w.down, column = across / w.across;
      if (down < 0 || across < 0 || down % w.down != 0 || across % w.across != 0 || op.out.height <= row || op.out.width <= column) continue;
      const size_t from = pixel(op.out, place.p.image, row, column) * quads + place.quad;
      const f4 v = load4(d, from);
      if constexpr (MAX) {
        const Tap4 tap = taps[from];
        const int own = ky * w.columns + kx;
        sum = sum + f4{tap.x == own ? v.x : 0.f, tap.y == own ? v.y : 0.f, tap.z == own ? v.z : 0.f, tap.w == own ? v.w : 0.f};
      } else {
        const int n = inside(row, w.down, w.above, w.rows, op.in.height) * inside(column, w.across, w.left, w.columns, op.in.width);
        sum = fma4(v, splat(1.f / n), sum);
      }
    }
  const size_t to = pixel(op.in, place.p.image, place.p.row, place.p.column) * quads + place.quad;
  float* dx = at(op.bases, op.dx);
  if (op.relu) {
    const Affine affine = affine_of(at(op.bases, op.norm), op.channels, place.quad);
    sum = open4(fma4(affine.scale, load4(at(op.bases, op.x), to), affine.offset), sum);
  }
  store4(dx, to, op.accumulate ? load4(dx, to) + sum : sum);
}
