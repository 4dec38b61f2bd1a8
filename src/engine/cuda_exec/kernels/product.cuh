// Normalized layers as matrix products: z[p, o] = Σ_k values[p, k] · w[k, o]. A tile is 32 strips, that is
// 128 places of pixels, by TILE outputs; k goes by quads of channels, eight at a time.
#pragma once
#include "common.cuh"

constexpr int STRIPS = 32, PLACES = 4 * STRIPS, QUADS = 8, MAX_SOURCES = 24;

// What a product reads: the input, its weights (tap, channel, output) of `row` padded outputs, which are
// those from `first` on, so many; and what becomes of the gradient.
struct Source {
  At x, norm, weight, depthwise, dx;
  Back back;
  int channels, relu, accumulate, terms, row, first, outputs, down, right, pad_;
};

DEVICE f4 value_at(const float* x, size_t quad, const Affine& affine, bool rectify) {
  const f4 v = fma4(affine.scale, load4(x, quad), affine.offset);
  return rectify ? relu4(v) : v;
}

// The values under one tap, or a depthwise convolution's, at a strip of outputs.
struct Values {
  const float *x, *norm, *depthwise;
  int channels, relu, side, down, right;
  Planes in, out;
  Window window;
  DEVICE Values of(const Bases& bases, const Source& s, const Planes& in, const Planes& out, const Window& window) {
    return {at(bases, s.x), at(bases, s.norm), at(bases, s.depthwise), s.channels, s.relu, window.columns, s.down, s.right, in, out, window};
  }
  __device__ __forceinline__ Block4 under(int tap, int quad, int strip) const {
    const int quads = channels / 4;
    const Affine affine = affine_of(norm, channels, quad);
    const Place p = place_of(strip, out);
    const int row = p.row * window.down + tap / window.columns * window.row_gap - window.above + down;
    const int first = tap % window.columns * window.column_gap - window.left + right;
    Block4 found;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int column = (p.column + j) * window.across + first;
      const bool inside = p.image < out.images && p.column + j < out.width && 0 <= row && row < in.height && 0 <= column && column < in.width;
      found.pixel[j] = inside ? value_at(x, pixel(in, p.image, row, column) * quads + quad, affine, relu) : zero4();
    }
    return found;
  }
  // K: the side of the window where it goes cell by cell, so that each value read serves up to K outputs;
  // 0 for any.
  template <int K>
  __device__ __forceinline__ Block4 convolved(int quad, int strip) const {
    const int quads = channels / 4;
    const Affine affine = affine_of(norm, channels, quad);
    const Place p = place_of(strip, out);
    Block4 sum;
#pragma unroll
    for (int j = 0; j < 4; j++) sum.pixel[j] = zero4();
    if (p.image >= out.images) return sum;
    if (K != 0) {
#pragma unroll 1
      for (int ky = 0; ky < K; ky++) {
        const int row = p.row + ky - window.above;
        if (row < 0 || in.height <= row) continue;
        f4 w[K ? K : 1];
#pragma unroll
        for (int kx = 0; kx < K; kx++) w[kx] = load4(depthwise, (size_t)(ky * K + kx) * quads + quad);
#pragma unroll
        for (int cell = 0; cell < K + 3; cell++) {
          const int column = p.column + cell - window.left;
          if (column < 0 || in.width <= column) continue;
          const f4 v = value_at(x, pixel(in, p.image, row, column) * quads + quad, affine, relu);
#pragma unroll
          for (int j = 0; j < 4; j++)
            if (0 <= cell - j && cell - j < K) sum.pixel[j] = fma4(w[cell - j < 0 || cell - j >= K ? 0 : cell - j], v, sum.pixel[j]);
        }
      }
    } else {
#pragma unroll 1
      for (int tap = 0; tap < window.rows * window.columns; tap++) {
        const f4 w = load4(depthwise, (size_t)tap * quads + quad);
        const Block4 v = under(tap, quad, strip);
#pragma unroll
        for (int j = 0; j < 4; j++) sum.pixel[j] = fma4(w, v.pixel[j], sum.pixel[j]);
      }
    }
#pragma unroll
    for (int j = 0; j < 4; j++)
      if (out.width <= p.column + j) sum.pixel[j] = zero4();
    return sum;
  }
};

// How the columns of a product come about.
constexpr int TAPS = -1;
// Quads of rows that a source brings.
template <int HOW>
DEVICE int quads_of(const Source& s, const Window& window) { return s.channels / 4 * (HOW == TAPS ? window.rows * window.columns : 1); }
template <int HOW>
DEVICE Block4 values_of(const Values& values, int quad, int strip) {
  if constexpr (HOW == TAPS) {
    const int quads = values.channels / 4;
    return values.under(quad / quads, quad % quads, strip);
  } else {
    return values.template convolved<HOW>(quad, strip);
  }
}

// acc[j][i] += Σ_k a[k, place] · b[k, output] for the places and outputs of this thread.
template <int TILE>
struct Tile {
  static constexpr int WIDE = TILE / 4, LANES = THREADS / WIDE, EACH = PLACES / LANES;
  struct Room {
    alignas(16) float a[4 * QUADS][PLACES + 4];
    alignas(16) float b[4 * QUADS][TILE];
  };
  f4 acc[EACH];
  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int j = 0; j < EACH; j++) acc[j] = zero4();
  }
  template <class A, class B>
  __device__ __forceinline__ void multiply(Room& room, int quads, const A& a, const B& b) {
    const int t = threadIdx.x, wide = t % WIDE, lane = t / WIDE;
#pragma unroll 1
    for (int first = 0; first < quads; first += QUADS) {
      const int n = min(QUADS, quads - first);
      __syncthreads();
      if (t % QUADS < n) {
        const Block4 v = a(first + t % QUADS, t / QUADS);
        float(*rows)[PLACES + 4] = room.a + 4 * (t % QUADS);
        const int strip = t / QUADS;
        store4(rows[0], strip, {v.pixel[0].x, v.pixel[1].x, v.pixel[2].x, v.pixel[3].x});
        store4(rows[1], strip, {v.pixel[0].y, v.pixel[1].y, v.pixel[2].y, v.pixel[3].y});
        store4(rows[2], strip, {v.pixel[0].z, v.pixel[1].z, v.pixel[2].z, v.pixel[3].z});
        store4(rows[3], strip, {v.pixel[0].w, v.pixel[1].w, v.pixel[2].w, v.pixel[3].w});
      }
      for (int i = t; i < 4 * n * TILE; i += THREADS) room.b[i / TILE][i % TILE] = b(4 * first + i / TILE, i % TILE);
      __syncthreads();
#pragma unroll 4
      for (int k = 0; k < 4 * n; k++) {
        const f4 w = load4(room.b[k], wide);
        float v[EACH];
#pragma unroll
        for (int j = 0; j < EACH; j++) v[j] = room.a[k][lane * EACH + j];
#pragma unroll
        for (int j = 0; j < EACH; j++) acc[j] = fma4(splat(v[j]), w, acc[j]);
      }
    }
  }
  // Whether place `j` of this thread in `tile` is a pixel, and which.
  __device__ __forceinline__ bool pixel_of(int j, int tile, const Planes& planes, size_t* found) const {
    const int place = threadIdx.x / WIDE * EACH + j;
    const Place p = place_of(tile * STRIPS + place / 4, planes);
    const int column = p.column + place % 4;
    *found = pixel(planes, p.image, p.row, column);
    return p.image < planes.images && column < planes.width;
  }
  // Writes the sums over the places of this block, two numbers an output.
  __device__ __forceinline__ void keep_sums(Room& room, f4 first, f4 second, float* partials, int output, int outputs) const {
    const int t = threadIdx.x, wide = t % WIDE, lane = t / WIDE;
    float* sums = &room.a[0][0];
    __syncthreads();
    store4(sums, lane * 2 * WIDE + wide, first);
    store4(sums, lane * 2 * WIDE + WIDE + wide, second);
    __syncthreads();
    for (int i = t; i < 2 * TILE; i += THREADS) {
      float sum = 0;
      for (int l = 0; l < LANES; l++) sum += sums[l * 2 * TILE + i];
      if (output + i % TILE < outputs) partials[(size_t)(i / TILE) * outputs + output + i % TILE] = sum;
    }
  }
};

struct ProductForward {
  Bases bases;
  At z;
  Stats stats;
  Planes in, out;
  Window window;
  int channels, n_sources;
  Source source[MAX_SOURCES];
};

// grid: (blocks, ⌈outputs / TILE⌉)
template <int HOW, int TILE>
DEVICE void product_forward(const ProductForward& op) {
  typedef Tile<TILE> T;
  __shared__ typename T::Room room;
  const int tiles = (n_strips(op.out) + STRIPS - 1) / STRIPS, output = blockIdx.y * TILE, quad = output / 4 + threadIdx.x % T::WIDE;
  float* z = at(op.bases, op.z);
  f4 total = zero4(), squares = zero4();
  T mine;
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    mine.clear();
    for (int i = 0; i < op.n_sources; i++) {
      const Source& s = op.source[i];
      const Values values = Values::of(op.bases, s, op.in, op.out, op.window);
      const float* weight = at(op.bases, s.weight);
      mine.multiply(
          room, quads_of<HOW>(s, op.window), [&](int q, int strip) { return values_of<HOW>(values, q, tile * STRIPS + strip); },
          [&](int k, int o) {
            const int own = output + o - s.first;
            return 0 <= own && own < s.outputs ? weight[(size_t)k * s.row + own] : 0.f;
          });
    }
#pragma unroll
    for (int j = 0; j < T::EACH; j++) {
      size_t p;
      if (!mine.pixel_of(j, tile, op.out, &p) || op.channels <= 4 * quad) continue;
      store4(z, p * (op.channels / 4) + quad, mine.acc[j]);
      total = total + mine.acc[j];
      squares = fma4(mine.acc[j], mine.acc[j], squares);
    }
  }
  if (op.stats.partials < 0) return;
  mine.keep_sums(room, total, squares, at(op.bases, op.stats.partials) + (size_t)blockIdx.x * 2 * op.channels, output, op.channels);
  if (is_last_block((int*)at(op.bases, op.stats.ticket), gridDim.x * gridDim.y)) finish_stats(op.bases, op.stats, op.channels, gridDim.x);
}

// Backward through a product: of each source that has one the gradient, and shares of that of all weights.
// Blocks come in this order: `x_blocks` for each tile of outputs of each source with a gradient, then
// `splits` for each pair of tiles of weights.
struct ProductBackward {
  Bases bases;
  At d, z, norm, coefs, du, partials;
  Planes in, out;
  Window window;
  int channels, n_sources, x_blocks, splits, strips_of_split, rows;
  Source source[MAX_SOURCES];
};

DEVICE int tiles_of(int n, int tile) { return (n + tile - 1) / tile; }

// ∂z at a strip of outputs.
struct Slopes {
  const float *d, *z, *norm, *coefs;
  int channels;
  Planes out;
  __device__ __forceinline__ f4 at_pixel(size_t p, int quad, const Slope& slope) const {
    const size_t place = p * (channels / 4) + quad;
    return slope_at(slope, load4(d, place), load4(z, place));
  }
  __device__ __forceinline__ Block4 of_strip(int quad, int strip) const {
    const Slope slope = slope_of(norm, coefs, channels, quad);
    const Place p = place_of(strip, out);
    Block4 found;
#pragma unroll
    for (int j = 0; j < 4; j++)
      found.pixel[j] = p.image < out.images && p.column + j < out.width ? at_pixel(pixel(out, p.image, p.row, p.column + j), quad, slope) : zero4();
    return found;
  }
  // What the strip of inputs gets through one tap.
  __device__ __forceinline__ Block4 through(int tap, int quad, int strip, const Planes& in, const Window& w, const Source& s) const {
    const Slope slope = slope_of(norm, coefs, channels, quad);
    const Place p = place_of(strip, in);
    const int row = p.row + w.above - tap / w.columns * w.row_gap - s.down, first = w.left - tap % w.columns * w.column_gap - s.right;
    const bool reached = p.image < in.images && 0 <= row && row % w.down == 0 && row / w.down < out.height;
    Block4 found;
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int column = p.column + j + first;
      const bool inside = reached && p.column + j < in.width && 0 <= column && column % w.across == 0 && column / w.across < out.width;
      found.pixel[j] = inside ? at_pixel(pixel(out, p.image, row / w.down, column / w.across), quad, slope) : zero4();
    }
    return found;
  }
};

DEVICE Slopes slopes_of(const ProductBackward& op) {
  return {at(op.bases, op.d), at(op.bases, op.z), at(op.bases, op.norm), at(op.bases, op.coefs), op.channels, op.out};
}

// What a source's gradient gets at one quad of a pixel; returns what was written, and ẑ times it.
struct Sink {
  const float *x, *norm;
  float* dx;
  int channels;
  bool relu, accumulate, sums;
  DEVICE Sink of(const Bases& bases, const Source& s) {
    return {at(bases, s.x), at(bases, s.norm), at(bases, s.dx), s.channels, s.relu != 0, s.accumulate != 0, 0 <= s.back.partials};
  }
  __device__ __forceinline__ void put(size_t place, int quad, f4 d, f4& total, f4& by_z) const {
    f4 v = zero4();
    if (relu || sums) v = load4(x, place);
    if (relu) {
      const Affine affine = affine_of(norm, channels, quad);
      d = open4(fma4(affine.scale, v, affine.offset), d);
    }
    if (accumulate) d = load4(dx, place) + d;
    store4(dx, place, d);
    if (sums) {
      total = total + d;
      by_z = fma4(d, standard_at(standard_of(norm, channels, quad), v), by_z);
    }
  }
};

// `depthwise`: the gradient stops before the depthwise convolution, as `du`.
template <int HOW, int TILE>
DEVICE void backward_inputs(const ProductBackward& op, typename Tile<TILE>::Room& room, int which, int column, int block) {
  typedef Tile<TILE> T;
  const Source& s = op.source[which];
  const Slopes slopes = slopes_of(op);
  const Planes& planes = HOW == TAPS ? op.in : op.out;
  const Sink sink = Sink::of(op.bases, s);
  const int tiles = tiles_of(n_strips(planes), STRIPS), quads = op.channels / 4, quad = column / 4 + threadIdx.x % T::WIDE;
  const int taps = HOW == TAPS ? op.window.rows * op.window.columns : 1;
  f4 total = zero4(), by_z = zero4();
  T mine;
  for (int tile = block; tile < tiles; tile += op.x_blocks) {
    mine.clear();
    for (int i = which; i < which + s.terms; i++) {
      const Source& term = op.source[i];
      const float* weight = at(op.bases, term.weight);
      mine.multiply(
          room, taps * quads,
          [&](int q, int strip) {
            if constexpr (HOW == TAPS) return slopes.through(q / quads, q % quads, tile * STRIPS + strip, op.in, op.window, term);
            else return slopes.of_strip(q, tile * STRIPS + strip);
          },
          [&](int k, int c) {
            const int own = k % op.channels - term.first;
            const bool inside = 0 <= own && own < term.outputs && column + c < term.channels;
            return inside ? weight[((size_t)(k / op.channels) * term.channels + column + c) * term.row + own] : 0.f;
          });
    }
#pragma unroll
    for (int j = 0; j < T::EACH; j++) {
      size_t p;
      if (!mine.pixel_of(j, tile, planes, &p) || s.channels <= 4 * quad) continue;
      const size_t place = p * (s.channels / 4) + quad;
      if constexpr (HOW == TAPS) sink.put(place, quad, mine.acc[j], total, by_z);
      else store4(at(op.bases, op.du), place, mine.acc[j]);
    }
  }
  if (HOW != TAPS || s.back.partials < 0) return;
  mine.keep_sums(room, total, by_z, at(op.bases, s.back.partials) + (size_t)block * 2 * s.channels, column, s.channels);
  const int blocks = op.x_blocks * tiles_of(s.channels, TILE);
  if (is_last_block((int*)at(op.bases, s.back.ticket), blocks)) finish_back(op.bases, s.back, s.channels, op.x_blocks);
}

// Shares of the gradient of weights: Σ_p values[p, k] · ∂z[p, o] over the strips of a split.
template <int SIDE>
struct WeightTile {
  static constexpr int EACH = SIDE / 16, CHUNK = 16, PIXELS = 4 * CHUNK;
  struct Room {
    alignas(16) float a[PIXELS][SIDE + 4];
    alignas(16) float d[PIXELS][SIDE + 4];
  };
  float acc[EACH][EACH];
  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < EACH; i++)
#pragma unroll
      for (int j = 0; j < EACH; j++) acc[i][j] = 0.f;
  }
  DEVICE void put(float (*rows)[SIDE + 4], int strip, int quad, const Block4& v) {
#pragma unroll
    for (int j = 0; j < 4; j++) store4(rows[4 * strip + j], quad, v.pixel[j]);
  }
  template <class A, class D>
  __device__ __forceinline__ void fill(Room& room, const A& a, const D& d) const {
    constexpr int WIDE = SIDE / 4;
    for (int i = threadIdx.x; i < CHUNK * WIDE; i += THREADS) {
      put(room.a, i / WIDE, i % WIDE, a(i % WIDE, i / WIDE));
      put(room.d, i / WIDE, i % WIDE, d(i % WIDE, i / WIDE));
    }
  }
  __device__ __forceinline__ void add(const Room& room) {
    const int k = threadIdx.x / 16 * EACH, o = threadIdx.x % 16 * EACH;
#pragma unroll 4
    for (int p = 0; p < PIXELS; p++) {
      float a[EACH], d[EACH];
#pragma unroll
      for (int i = 0; i < EACH; i++) a[i] = room.a[p][k + i], d[i] = room.d[p][o + i];
#pragma unroll
      for (int i = 0; i < EACH; i++)
#pragma unroll
        for (int j = 0; j < EACH; j++) acc[i][j] = fmaf(a[i], d[j], acc[i][j]);
    }
  }
  // `partials` is (rows, outputs), of which this tile begins at (k, o).
  __device__ __forceinline__ void keep(float* partials, int k, int rows, int o, int outputs, int row) const {
    for (int i = 0; i < EACH; i++)
      for (int j = 0; j < EACH; j++) {
        const int a = k + (int)threadIdx.x / 16 * EACH + i, b = o + (int)threadIdx.x % 16 * EACH + j;
        if (a < rows && 0 <= b && b < row) partials[(size_t)a * row + b] = b < outputs ? acc[i][j] : 0.f;
      }
  }
};

template <int HOW, int SIDE>
DEVICE void backward_weights(const ProductBackward& op, typename WeightTile<SIDE>::Room& room, int which, int k, int o, int split, At partials) {
  typedef WeightTile<SIDE> T;
  const Source& s = op.source[which];
  const Values values = Values::of(op.bases, s, op.in, op.out, op.window);
  const Slopes slopes = slopes_of(op);
  const int quads = quads_of<HOW>(s, op.window), end = min(n_strips(op.out), (split + 1) * op.strips_of_split);
  T mine;
  mine.clear();
  for (int first = split * op.strips_of_split; first < end; first += T::CHUNK) {
    __syncthreads();
    mine.fill(
        room,
        [&](int q, int strip) {
          const bool inside = first + strip < end && k / 4 + q < quads;
          return inside ? values_of<HOW>(values, k / 4 + q, first + strip) : Block4{{zero4(), zero4(), zero4(), zero4()}};
        },
        [&](int q, int strip) {
          const bool inside = first + strip < end && o / 4 + q < op.channels / 4;
          return inside ? slopes.of_strip(o / 4 + q, first + strip) : Block4{{zero4(), zero4(), zero4(), zero4()}};
        });
    __syncthreads();
    mine.add(room);
  }
  mine.keep(at(op.bases, partials) + (size_t)split * op.rows, k, 4 * quads, o - s.first, s.outputs, s.row);
}

// grid: as many blocks as ProductBackward says.
template <int HOW, int TILE, int SIDE>
DEVICE void product_backward(const ProductBackward& op) {
  __shared__ union {
    typename Tile<TILE>::Room x;
    typename WeightTile<SIDE>::Room w;
  } room;
  int block = blockIdx.x;
  for (int i = 0; i < op.n_sources; i++) {
    const Source& s = op.source[i];
    const bool wanted = HOW == TAPS ? 0 <= s.dx : 0 <= op.du;
    const int blocks = wanted ? op.x_blocks * tiles_of(s.channels, TILE) : 0;
    if (block < blocks) return backward_inputs<HOW, TILE>(op, room.x, i, block / op.x_blocks * TILE, block % op.x_blocks);
    block -= blocks;
  }
  At partials = op.partials;
  for (int i = 0; i < op.n_sources; i++) {
    const Source& s = op.source[i];
    const int quads = quads_of<HOW>(s, op.window), outs = tiles_of(op.channels, SIDE), blocks = op.splits * tiles_of(4 * quads, SIDE) * outs;
    if (block < blocks) {
      const int pair = block / op.splits;
      return backward_weights<HOW, SIDE>(op, room.w, i, pair / outs * SIDE, pair % outs * SIDE, block % op.splits, partials);
    }
    block -= blocks;
    partials += (At)4 * quads * s.row;
  }
}

// Both at once for separable convolutions of at most SIDE channels, so that ∂z is made once. grid: splits.
template <int HOW, int SIDE>
DEVICE void narrow_backward(const ProductBackward& op) {
  typedef WeightTile<SIDE> T;
  constexpr int WIDE = SIDE / 4, LANES = THREADS / WIDE, EACH = T::PIXELS / LANES;
  __shared__ typename T::Room room;
  const Source& s = op.source[0];
  const Values values = Values::of(op.bases, s, op.in, op.out, op.window);
  const Slopes slopes = slopes_of(op);
  const float* weight = at(op.bases, s.weight);
  float* du = at(op.bases, op.du);
  const int quads = s.channels / 4, split = blockIdx.x, end = min(n_strips(op.out), (split + 1) * op.strips_of_split);
  const int quad = threadIdx.x % WIDE, lane = threadIdx.x / WIDE;
  T mine;
  mine.clear();
  for (int first = split * op.strips_of_split; first < end; first += T::CHUNK) {
    __syncthreads();
    mine.fill(
        room,
        [&](int q, int strip) {
          return first + strip < end && q < quads ? values_of<HOW>(values, q, first + strip) : Block4{{zero4(), zero4(), zero4(), zero4()}};
        },
        [&](int q, int strip) {
          return first + strip < end && q < op.channels / 4 ? slopes.of_strip(q, first + strip) : Block4{{zero4(), zero4(), zero4(), zero4()}};
        });
    __syncthreads();
    mine.add(room);
    if (quads <= quad) continue;
    float sum[EACH][4] = {};
#pragma unroll 1
    for (int o = 0; o < op.channels; o += 4) {
      f4 w[4];
#pragma unroll
      for (int c = 0; c < 4; c++) w[c] = load4(weight + (size_t)(4 * quad + c) * s.row, o / 4);
#pragma unroll
      for (int j = 0; j < EACH; j++) {
        const f4 d = load4(room.d[lane * EACH + j], o / 4);
#pragma unroll
        for (int c = 0; c < 4; c++) sum[j][c] = fmaf(d.w, w[c].w, fmaf(d.z, w[c].z, fmaf(d.y, w[c].y, fmaf(d.x, w[c].x, sum[j][c]))));
      }
    }
#pragma unroll
    for (int j = 0; j < EACH; j++) {
      const int place = lane * EACH + j;
      const Place p = place_of(first + place / 4, op.out);
      const int column = p.column + place % 4;
      if (first + place / 4 < end && column < op.out.width)
        store4(du, pixel(op.out, p.image, p.row, column) * quads + quad, {sum[j][0], sum[j][1], sum[j][2], sum[j][3]});
    }
  }
  mine.keep(at(op.bases, op.partials) + (size_t)split * op.rows, 0, s.channels, 0, s.outputs, s.row);
}
