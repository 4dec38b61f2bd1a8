// The classifier: ReLU, average of the plane, dropout, linear; its cross-entropy, and its gradient.
// Weights are (channel, class), of `row` padded classes. grid: images forward; images, then `row`, backward.
#pragma once
#include "common.cuh"

struct Head {
  Bases bases;
  At x, norm, weight, mask, features, logits, labels, dlogits, dx, dweight;
  Planes in;
  int channels, real, classes, row, accumulate, pad_[2];
  double share;
};

DEVICE void run_head(const Head& op) {
  const int image = blockIdx.x, plane = op.in.height * op.in.width;
  const float *x = at(op.bases, op.x) + (size_t)image * plane * op.channels, *norm = at(op.bases, op.norm), *mask = at(op.bases, op.mask);
  float *features = at(op.bases, op.features) + (size_t)image * op.channels, *logits = at(op.bases, op.logits) + (size_t)image * op.classes;
  const float per_pixel = 1.f / plane;
  for (int c = threadIdx.x; c < op.channels; c += THREADS) {
    const float scale = norm == nullptr ? 1.f : norm[c], offset = norm == nullptr ? 0.f : norm[op.channels + c];
    float sum = 0;
    for (int p = 0; p < plane; p++) sum += relu(fmaf(scale, x[(size_t)p * op.channels + c], offset));
    sum *= per_pixel;
    if (mask != nullptr) sum = c < op.real ? sum * mask[(size_t)image * op.real + c] : 0.f;
    features[c] = sum;
  }
  __syncthreads();
  const float* weight = at(op.bases, op.weight);
  for (int k = threadIdx.x; k < op.classes; k += THREADS) {
    float sum = 0;
    for (int c = 0; c < op.channels; c++) sum = fmaf(weight[(size_t)c * op.row + k], features[c], sum);
    logits[k] = sum;
  }
  if (op.dlogits < 0) return;
  __syncthreads();
  // Softmax less the label, in f64, by each thread for its classes.
  float* dlogits = at(op.bases, op.dlogits) + (size_t)image * op.classes;
  const unsigned label = reinterpret_cast<const unsigned*>(at(op.bases, op.labels))[image];
  for (int k = threadIdx.x; k < op.classes; k += THREADS) {
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < op.classes; i++) largest = fmax(largest, (double)logits[i]);
    for (int i = 0; i < op.classes; i++) sum += exp(logits[i] - largest);
    dlogits[k] = (float)((exp(logits[k] - largest) / sum - (k == (int)label ? 1 : 0)) / op.in.images * op.share);
  }
}

DEVICE void run_head_backward(const Head& op) {
  const float* dlogits = at(op.bases, op.dlogits);
  if (op.in.images <= (int)blockIdx.x) {
    const int k = blockIdx.x - op.in.images;
    const float* features = at(op.bases, op.features);
    for (int c = threadIdx.x; c < op.channels; c += THREADS) {
      double sum = 0;
      for (int image = 0; k < op.classes && image < op.in.images; image++) sum += (double)dlogits[(size_t)image * op.classes + k] * features[(size_t)image * op.channels + c];
      at(op.bases, op.dweight)[(size_t)c * op.row + k] = (float)sum;
    }
    return;
  }
  const int image = blockIdx.x, plane = op.in.height * op.in.width;
  const float *x = at(op.bases, op.x) + (size_t)image * plane * op.channels, *norm = at(op.bases, op.norm), *mask = at(op.bases, op.mask), *weight = at(op.bases, op.weight);
  float* dx = at(op.bases, op.dx);
  if (dx == nullptr) return;
  dx += (size_t)image * plane * op.channels;
  for (int c = threadIdx.x; c < op.channels; c += THREADS) {
    float d = 0;
    for (int k = 0; k < op.classes; k++) d = fmaf(dlogits[(size_t)image * op.classes + k], weight[(size_t)c * op.row + k], d);
    if (mask != nullptr) d = c < op.real ? d * mask[(size_t)image * op.real + c] : 0.f;
    d *= 1.f / plane;
    const float scale = norm == nullptr ? 1.f : norm[c], offset = norm == nullptr ? 0.f : norm[op.channels + c];
    for (int p = 0; p < plane; p++) {
      const size_t place = (size_t)p * op.channels + c;
      const float v = 0.f < fmaf(scale, x[place], offset) ? d : 0.f;
      dx[place] = op.accumulate ? dx[place] + v : v;
    }
  }
}
