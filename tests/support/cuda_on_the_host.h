/* The words of CUDA that our kernels use, as C: a kernel is a function that a loop calls. */

#include <math.h>

#define __global__
#define __device__ static

typedef struct { unsigned x, y, z; } Index;
static _Thread_local Index blockIdx, threadIdx, blockDim;
