// All kernels of the CUDA executor, as one module.
#include "common.cuh"
#include "depthwise.cuh"
#include "head.cuh"
#include "moves.cuh"
#include "pools.cuh"
#include "product.cuh"

#define FORWARD(name, HOW) \
  KERNEL(name##_forward_16, ProductForward) { product_forward<HOW, 16>(op); } \
  KERNEL(name##_forward_32, ProductForward) { product_forward<HOW, 32>(op); } \
  KERNEL(name##_forward_64, ProductForward) { product_forward<HOW, 64>(op); }
#define BACKWARD(name, HOW) \
  KERNEL(name##_backward_64, ProductBackward) { product_backward<HOW, 64, 64>(op); }
#define NARROW(name, HOW) \
  KERNEL(name##_narrow_32, ProductBackward) { narrow_backward<HOW, 32>(op); } \
  KERNEL(name##_narrow_64, ProductBackward) { narrow_backward<HOW, 64>(op); }
#define SEPARABLE(name, K) \
  FORWARD(name, K) \
  BACKWARD(name, K) \
  NARROW(name, K)
#define DEPTHWISE(name, K) KERNEL(name##_depthwise, DepthwiseBackward) { depthwise_backward<K>(op); }

FORWARD(dense, TAPS)
BACKWARD(dense, TAPS)
KERNEL(dense_backward_32, ProductBackward) { product_backward<TAPS, 32, 32>(op); }
SEPARABLE(separable_any, 0)
SEPARABLE(separable_3, 3)
SEPARABLE(separable_5, 5)
SEPARABLE(separable_7, 7)
// One of seven by seven would need more registers than there are.
DEPTHWISE(separable_any, 0)
DEPTHWISE(separable_3, 3)
DEPTHWISE(separable_5, 5)
KERNEL(images, Images) { images_to_pixels(op); }
KERNEL(running, Running) { affines(op); }
KERNEL(add, Add) { add_values(op); }
KERNEL(put, Move) { put_part(op); }
KERNEL(take, Move) { take_part(op); }
KERNEL(clear, Clear) { clear_values(op); }
KERNEL(norm_sums, NormSums) { sum_norms(op); }
KERNEL(finish, Finish) { finish_weights(op); }
KERNEL(average_pool, Pool) { average(op); }
KERNEL(average_pool_backward, Pool) { pool_backward<false>(op); }
KERNEL(max_pool, Pool) { maximum(op); }
KERNEL(max_pool_backward, Pool) { pool_backward<true>(op); }
KERNEL(head_forward, Head) { run_head(op); }
KERNEL(head_backward, Head) { run_head_backward(op); }
