// Runs CUDA C++ kernels on the CPU, to check what they compute where there is no GPU.
//
//   g++ -std=c++17 -O1 -g -fsanitize=address,undefined -include shim.h -x c++ kernel.cu test.cpp
//   shim::launch(grid, block, dynamic_shared_bytes, [&] { kernel(args...); });
//
// Blocks run one after another, threads of a block as fibres: a thread runs until it ends or waits
// (__syncthreads, shuffles), and only one that waits keeps a fibre. `SHIM_REVERSE=1` starts the
// threads of each block from the last: results that depend on the order show a missing barrier.
// Not shown: real races between blocks, tensor cores, cp.async, bf16, timing.
#pragma once
#include <ucontext.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>
struct dim3 { unsigned x, y, z; dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {} };
namespace shim {
constexpr size_t STACK = 128 << 10;
// Where it can, a switch saves six registers and no more: swapcontext makes a system call each time.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
struct Context { void* sp; };
__attribute__((naked, noinline)) inline void change(Context*, Context*) {
  asm("push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15; mov %rsp, (%rdi); mov (%rsi), %rsp;"
      "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret");
}
inline void prepare(Context* c, char* stack, void (*entry)()) {
  void** sp = (void**)((uintptr_t)(stack + STACK) & ~(uintptr_t)15); *--sp = nullptr; *--sp = (void*)entry; sp -= 6; c->sp = sp;
}
#else
typedef ucontext_t Context;
inline void change(Context* from, Context* to) { swapcontext(from, to); }
inline void prepare(Context* c, char* stack, void (*entry)()) {
  getcontext(c); c->uc_stack.ss_sp = stack; c->uc_stack.ss_size = STACK; c->uc_link = nullptr; makecontext(c, entry, 0);
}
#endif
struct Fibre { Context context; std::unique_ptr<char[]> stack{new char[STACK]}; int thread = -1; dim3 tid; };
inline dim3 bIdx, bDim, gDim, tid;
inline int cur, next, count; inline bool reverse_ = getenv("SHIM_REVERSE") != nullptr;
inline Context main_; inline const std::function<void()>* body;
inline std::vector<std::unique_ptr<Fibre>> idle, waiting; inline std::unique_ptr<Fibre> running;
inline uint64_t slot[1024]; inline char* dyn;
inline void set_thread(int i) { cur = reverse_ ? count - 1 - i : i; tid = dim3(cur % bDim.x, cur / bDim.x % bDim.y, cur / (bDim.x * bDim.y)); }
// A fibre takes threads until none is left or one waits in the middle of it.
inline void work() { for (;;) { while (next < count) { set_thread(next++); (*body)(); } running->thread = -1; change(&running->context, &main_); } }
inline void yield() { Fibre* me = running.get(); me->thread = cur; me->tid = tid; change(&me->context, &main_); cur = me->thread; tid = me->tid; }
inline void resume(std::unique_ptr<Fibre> fibre, std::vector<std::unique_ptr<Fibre>>& again) {
  running = std::move(fibre); Fibre* f = running.get(); change(&main_, &f->context);
  if (f->thread < 0) idle.push_back(std::move(running)); else again.push_back(std::move(running));
}
inline void launch(dim3 g, dim3 b, size_t dynamic, const std::function<void()>& k) {
  body = &k; gDim = g; bDim = b; count = b.x * b.y * b.z;
  free(dyn); dyn = (char*)aligned_alloc(16, std::max<size_t>(dynamic + 15, 16) / 16 * 16); memset(dyn, 0xff, dynamic);  // exactly so much, and NaN: a sanitizer sees what is beyond
  for (unsigned z = 0; z < g.z; z++) for (unsigned y = 0; y < g.y; y++) for (unsigned x = 0; x < g.x; x++) {
    bIdx = dim3(x, y, z); next = 0;
    std::vector<std::unique_ptr<Fibre>> round, again;
    while (next < count) {
      if (idle.empty()) {
        idle.push_back(std::make_unique<Fibre>()); Fibre* f = idle.back().get();
        prepare(&f->context, f->stack.get(), work);
      }
      auto fibre = std::move(idle.back()); idle.pop_back(); resume(std::move(fibre), again);
    }
    while (!again.empty()) { round.swap(again); for (auto& fibre : round) resume(std::move(fibre), again); round.clear(); }
  }
}
}  // namespace shim
#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)
#define __shared__ static
// In kernels: DYNAMIC_SHARED(float, name); with, for nvcc, #define DYNAMIC_SHARED(T, x) extern __shared__ T x[]
#define DYNAMIC_SHARED(T, x) T* x = reinterpret_cast<T*>(shim::dyn)
#define threadIdx (shim::tid)
#define blockIdx (shim::bIdx)
#define blockDim (shim::bDim)
#define gridDim (shim::gDim)
inline void __syncthreads() { shim::yield(); }
inline void __syncwarp(unsigned = ~0u) { shim::yield(); }
template <class T> inline T shim_exchange(T v, int from) { uint64_t b = 0; memcpy(&b, &v, sizeof(T)); shim::slot[shim::cur] = b; shim::yield(); b = shim::slot[from]; shim::yield(); T r; memcpy(&r, &b, sizeof(T)); return r; }
template <class T> inline T __shfl_down_sync(unsigned, T v, unsigned d, int = 32) { int me = shim::cur, lane = me & 31; return shim_exchange(v, lane + (int)d < 32 ? me + (int)d : me); }
template <class T> inline T __shfl_xor_sync(unsigned, T v, int m, int = 32) { return shim_exchange(v, shim::cur ^ m); }
template <class T> inline T __shfl_sync(unsigned, T v, int lane, int = 32) { return shim_exchange(v, (shim::cur & ~31) | lane); }
template <class T> inline T atomicAdd(T* p, T v) { T o = *p; *p = o + v; return o; }
inline float __expf(float x) { return expf(x); }
inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
template <class T> inline T __ldg(const T* p) { return *p; }
inline float __ldcg(const float* p) { return *p; }
inline void __threadfence() {}
using std::max;
using std::min;
