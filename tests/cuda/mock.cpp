// A CUDA driver for machines without one: device memory is host memory, and kernels are CPU builds of the
// same sources, found by their names. Build it with tests/cuda/mock.sh.
//
//   MOCK_STATS=FILE   adds a line a kind of call there at exit: calls, and bytes
//   MOCK_MEMORY=FILE  has the bytes that are taken, at any time
//   MOCK_POISON=1     new device memory holds NaN (what the program clears it clears itself)
//   MOCK_DEFER=1      what is queued runs no sooner than somebody waits for its stream
//   MOCK_OOM_AT=N     the N-th allocation and all after it fail with out of memory
//   MOCK_FAULT_AT=N   the N-th launch and everything after it fail with an illegal address
#include <dlfcn.h>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include "shim.h"
typedef unsigned long long u64;
typedef void* P;
struct Function { void (*run)(const void*); size_t told; std::string name; };
struct Module { std::string ptx; std::map<std::string, Function*> functions; };
struct Count { u64 calls = 0, bytes = 0; };
static std::recursive_mutex mutex;
typedef std::lock_guard<std::recursive_mutex> Lock;
static std::map<std::string, Count> counts;
static std::map<P, std::vector<std::function<void()>>> queues;
static bool is_faulty;
static const bool DEFER = getenv("MOCK_DEFER"), POISON = getenv("MOCK_POISON");
static u64 number(const char* name) { const char* v = getenv(name); return v ? strtoull(v, nullptr, 10) : ~0ull; }
static const u64 OOM_AT = number("MOCK_OOM_AT"), FAULT_AT = number("MOCK_FAULT_AT");
static u64 count(const std::string& kind, u64 bytes = 0) { Count& c = counts[kind]; c.bytes += bytes; return ++c.calls; }
static void queue(P stream, std::function<void()> work) { if (DEFER) queues[stream].push_back(std::move(work)); else work(); }
static void flush(P stream) { auto all = std::move(queues[stream]); queues.erase(stream); for (auto& work : all) work(); }
#define CHECK if (is_faulty) return 700
extern "C" {
int cuInit(unsigned) { return 0; }
int cuDeviceGetCount(int* n) { *n = 1; return 0; }
int cuDeviceGet(int* device, int) { *device = 0; return 0; }
int cuDeviceGetName(char* name, int, int) { strcpy(name, "mock"); return 0; }
int cuDevicePrimaryCtxRetain(P* context, int) { *context = (P)1; return 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxSetCurrent(P) { return 0; }
int cuCtxSynchronize() { return 0; }
int cuStreamCreate(P* stream, unsigned) { static u64 next = 16; *stream = (P)next++; return 0; }
int cuStreamDestroy_v2(P) { return 0; }
int cuStreamSynchronize(P stream) { Lock lock(mutex); CHECK; count("waits"); flush(stream); return 0; }
int cuMemGetInfo_v2(size_t* free, size_t* all) { *free = *all = 1 << 30; return 0; }
static void take(u64 p, size_t n) {
  static std::map<u64, size_t> all;
  static u64 taken;
  taken += n - all[p];
  all[p] = n;
  static const char* name = getenv("MOCK_MEMORY");
  if (!name) return;
  FILE* file = fopen(name, "w");
  fprintf(file, "%llu", taken);
  fclose(file);
}
int cuMemAlloc_v2(u64* p, size_t n) {
  Lock lock(mutex); CHECK;
  if (OOM_AT <= count("allocations", n)) return 2;
  *p = (u64)aligned_alloc(256, (n + 511) / 256 * 256);
  take(*p, n);
  if (POISON) memset((P)*p, 0xff, n);
  return 0;
}
int cuMemFree_v2(u64 p) { Lock lock(mutex); CHECK; for (auto& q : std::map<P, std::vector<std::function<void()>>>(queues)) flush(q.first); take(p, 0); free((P)p); return 0; }
int cuMemsetD8_v2(u64 p, unsigned char v, size_t n) { memset((P)p, v, n); return 0; }
int cuMemcpyHtoDAsync_v2(u64 to, const void* from, size_t n, P stream) {
  Lock lock(mutex); CHECK; count("copies up", n);
  std::string bytes((const char*)from, n);
  queue(stream, [to, bytes] { memcpy((P)to, bytes.data(), bytes.size()); });
  return 0;
}
int cuMemcpyDtoHAsync_v2(P to, u64 from, size_t n, P stream) {
  Lock lock(mutex); CHECK; count("copies down", n);
  queue(stream, [=] { memcpy(to, (P)from, n); });
  return 0;
}
int cuModuleLoadData(P* module, const void* ptx) { *module = new Module{(const char*)ptx, {}}; return 0; }
int cuModuleUnload(P) { return 0; }
int cuModuleGetFunction(P* function, P module_, const char* name) {
  Module* module = (Module*)module_;
  const size_t entry = module->ptx.find(std::string(".entry ") + name + "(");
  if (entry == std::string::npos) return 500;
  const size_t told = strtoull(module->ptx.c_str() + module->ptx.find('[', entry) + 1, nullptr, 10);
  Dl_info info;
  dladdr((void*)cuInit, &info);
  P self = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  auto run = (void (*)(const void*))(self ? dlsym(self, name) : nullptr);
  if (!run) { fprintf(stderr, "mock: the kernel %s has no CPU build\n", name); return 500; }
  *function = module->functions[name] = new Function{run, told, name};
  return 0;
}
int cuLaunchKernel(P function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, P stream, void** told, void**) {
  Lock lock(mutex); CHECK;
  Function* f = (Function*)function;
  count("kernel " + f->name);
  if (FAULT_AT <= count("launches")) { is_faulty = true; return 700; }
  std::vector<u64> op((f->told + 7) / 8);
  memcpy(op.data(), told[0], f->told);
  queue(stream, [=] { const void* p = op.data(); shim::launch(dim3(gx, gy, gz), dim3(bx, by, bz), shared, [=] { f->run(p); }); });
  return 0;
}
int cuGetErrorName(int error, const char** name) { *name = error == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_UNKNOWN"; return 0; }
int cuGetErrorString(int, const char** text) { *text = "an error of the mock"; return 0; }
}
static struct AtExit {
  ~AtExit() {
    const char* path = getenv("MOCK_STATS");
    FILE* out = path ? fopen(path, "a") : nullptr;
    if (!out) return;
    for (auto& [kind, c] : counts) fprintf(out, "%-36s %10llu %16llu\n", kind.c_str(), c.calls, c.bytes);
    fclose(out);
  }
} at_exit;
