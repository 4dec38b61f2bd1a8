// What all kernels share. Activations are (image, row, column, channel), channels padded with zeros to a
// multiple of four. Every kernel takes one structure, whose twin is in ops.rs.
//
// No sum depends on which block or thread comes first: each writes what it summed, and whoever is last
// adds that up in the order of their numbers.
#pragma once
#ifdef __CUDACC__
#define KERNEL(name, Op) extern "C" __global__ void __launch_bounds__(256, 2) name(const __grid_constant__ Op op)
#define FROM_OTHERS(p) __ldcg(p)
#else
#define KERNEL(name, Op)                                                             \
  static void name##_body(const Op& op);                                             \
  extern "C" void name(const void* op) { name##_body(*static_cast<const Op*>(op)); } \
  static void name##_body(const Op& op)
#define FROM_OTHERS(p) (*(p))
#endif
#define DEVICE static __device__ __forceinline__

// Floats from the start of a region, which is in the upper byte; below zero: nothing.
typedef long long At;
constexpr int REGIONS = 5;
struct Bases { float* region[REGIONS]; };
DEVICE float* at(const Bases& bases, At where) {
  if (where < 0) return nullptr;
  const int region = (int)(where >> 56);
  float* base = region == 0   ? bases.region[0]
                : region == 1 ? bases.region[1]
                : region == 2 ? bases.region[2]
                : region == 3 ? bases.region[3]
                              : bases.region[4];
  return base + (where & ((1LL << 56) - 1));
}

constexpr int THREADS = 256;

struct alignas(16) f4 { float x, y, z, w; };
DEVICE f4 zero4() { return {0.f, 0.f, 0.f, 0.f}; }
DEVICE f4 splat(float v) { return {v, v, v, v}; }
DEVICE f4 operator+(f4 a, f4 b) { return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w}; }
DEVICE f4 operator-(f4 a, f4 b) { return {a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w}; }
DEVICE f4 operator*(f4 a, f4 b) { return {a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w}; }
DEVICE f4 fma4(f4 a, f4 b, f4 c) { return {fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w)}; }
// What is no number stays none.
DEVICE float relu(float v) { return v < 0.f ? 0.f : v; }
DEVICE f4 relu4(f4 v) { return {relu(v.x), relu(v.y), relu(v.z), relu(v.w)}; }
// `d` where `v` is above zero.
DEVICE f4 open4(f4 v, f4 d) { return {0.f < v.x ? d.x : 0.f, 0.f < v.y ? d.y : 0.f, 0.f < v.z ? d.z : 0.f, 0.f < v.w ? d.w : 0.f}; }
DEVICE f4 load4(const float* p, size_t quad) { return reinterpret_cast<const f4*>(p)[quad]; }
DEVICE void store4(float* p, size_t quad, f4 v) { reinterpret_cast<f4*>(p)[quad] = v; }

// Planes of a batch, in strips of four pixels of a row.
struct Planes { int images, height, width; };
struct Place { int image, row, column; };
DEVICE int strips_of_row(const Planes& p) { return (p.width + 3) / 4; }
DEVICE int n_strips(const Planes& p) { return p.images * p.height * strips_of_row(p); }
DEVICE Place place_of(int strip, const Planes& p) {
  const int wide = strips_of_row(p), line = strip / wide;
  return {line / p.height, line % p.height, strip % wide * 4};
}
DEVICE size_t pixel(const Planes& p, int image, int row, int column) { return ((size_t)image * p.height + row) * p.width + column; }

// A window that slides over planes.
struct Window { int rows, columns, down, across, row_gap, column_gap, above, left; };

// A value: numbers, and where they are the raw output of a normalized layer its scales, offsets, means
// and inverse deviations, `channels` each.
struct Affine { f4 scale, offset; };
DEVICE Affine affine_of(const float* norm, int channels, int quad) {
  if (norm == nullptr) return {splat(1.f), zero4()};
  return {load4(norm, quad), load4(norm + channels, quad)};
}

// Whether this is the last of `blocks` blocks to come here: it sees what the others wrote.
DEVICE bool is_last_block(int* ticket, int blocks) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(ticket, 1) == blocks - 1;
    if (last) *ticket = 0;
  }
  __syncthreads();
  if (last) __threadfence();
  return last;
}

// Hands `then` each column's sums over `rows` rows of S blocks of `columns` numbers.
template <int S, class Then>
DEVICE void column_sums(const float* from, int rows, int columns, const Then& then) {
  __shared__ double room[S * THREADS];
  const int wide = min(columns, THREADS), lanes = THREADS / wide, t = threadIdx.x, lane = t / wide;
  const int share = (rows + lanes - 1) / lanes;
  for (int first = 0; first < columns; first += wide) {
    const int column = first + t % wide;
    const bool mine = lane < lanes && column < columns;
    double sums[S] = {};
    if (mine)
      for (int row = lane * share; row < min(rows, (lane + 1) * share); row++)
        for (int s = 0; s < S; s++) sums[s] += FROM_OTHERS(from + ((size_t)row * S + s) * columns + column);
    __syncthreads();
    for (int s = 0; s < S; s++) room[s * THREADS + t] = sums[s];
    __syncthreads();
    if (lane == 0 && mine) {
      for (int s = 0; s < S; s++) {
        sums[s] = 0;
        for (int l = 0; l < lanes; l++) sums[s] += room[s * THREADS + l * wide + t];
      }
      then(column, sums);
    }
  }
}

// Batch normalization, forward: what the sums over the batch make of scale and offset.
//   v = γ·(z − μ)/σ + β        σ² = Var z + ε
struct Stats { At partials, ticket, gamma, beta, norm, found; double n; };
constexpr double NORM_EPSILON = 1e-5;
DEVICE void finish_stats(const Bases& bases, const Stats& stats, int channels, int rows) {
  const float *gamma = at(bases, stats.gamma), *beta = at(bases, stats.beta);
  float *norm = at(bases, stats.norm), *found = at(bases, stats.found);
  column_sums<2>(at(bases, stats.partials), rows, channels, [&](int c, const double* sums) {
    const double mean = sums[0] / stats.n;
    double variance = sums[1] / stats.n - mean * mean;
    if (variance < 0) variance = 0;  // Rounding may take a constant channel there.
    const double inverse = 1 / sqrt(variance + NORM_EPSILON), scale = gamma[c] * inverse;
    norm[c] = (float)scale;
    norm[channels + c] = (float)(beta[c] - mean * scale);
    norm[2 * channels + c] = (float)mean;
    norm[3 * channels + c] = (float)inverse;
    if (found != nullptr) {
      found[c] = (float)mean;
      found[channels + c] = (float)variance;
    }
  });
}

// Batch normalization, backward: from Σ d and Σ d·ẑ the gradients of γ and β, and what is needed for
//   ∂z = γ/σ · (d − Σd/n − ẑ·Σ(d·ẑ)/n) = a·d + b·(z − μ) + c
struct Back { At partials, ticket, gamma, norm, dgamma, dbeta, coefs; double n; };
DEVICE void keep_back(const Bases& bases, const Back& back, int channels, int c, double sum, double by_z) {
  const float* norm = at(bases, back.norm);
  float* coefs = at(bases, back.coefs);
  const double inverse = norm[3 * channels + c], a = at(bases, back.gamma)[c] * inverse;
  at(bases, back.dgamma)[c] = (float)by_z;
  at(bases, back.dbeta)[c] = (float)sum;
  coefs[c] = (float)a;
  coefs[channels + c] = (float)(-a * inverse * by_z / back.n);
  coefs[2 * channels + c] = (float)(-a * sum / back.n);
}
DEVICE void finish_back(const Bases& bases, const Back& back, int channels, int rows) {
  column_sums<2>(at(bases, back.partials), rows, channels,
                 [&](int c, const double* sums) { keep_back(bases, back, channels, c, sums[0], sums[1]); });
}

// ∂z of one quad of channels.
struct Slope { f4 a, b, c, mean; };
DEVICE Slope slope_of(const float* norm, const float* coefs, int channels, int quad) {
  return {load4(coefs, quad), load4(coefs + channels, quad), load4(coefs + 2 * channels, quad), load4(norm + 2 * channels, quad)};
}
DEVICE f4 slope_at(const Slope& s, f4 d, f4 z) { return fma4(s.a, d, fma4(s.b, z - s.mean, s.c)); }
// ẑ of one quad.
struct Standard { f4 mean, inverse; };
DEVICE Standard standard_of(const float* norm, int channels, int quad) {
  return {load4(norm + 2 * channels, quad), load4(norm + 3 * channels, quad)};
}
DEVICE f4 standard_at(const Standard& s, f4 z) { return (z - s.mean) * s.inverse; }

// Four pixels of a strip by a quad of channels.
struct Block4 { f4 pixel[4]; };
