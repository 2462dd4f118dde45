/* The kernel for NV12 on the host: each thread of the grid in turn. */

#include "cuda_on_the_host.h"
#include "letterbox_nv12.cu"

void letterbox_nv12_on_the_host(
    const unsigned *grid, const unsigned *block, const Byte *luma, const Byte *chroma, const int *i,
    const float *f, Byte *out) {
    blockDim.x = block[0], blockDim.y = block[1];
    for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++)
            for (threadIdx.y = 0; threadIdx.y < block[1]; threadIdx.y++)
                for (threadIdx.x = 0; threadIdx.x < block[0]; threadIdx.x++)
                    letterbox_nv12(
                        luma, chroma, i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], i[8], i[9],
                        i[10], i[11], i[12], i[13], i[14], f[0], f[1], f[2], f[3], f[4], f[5], f[6],
                        f[7], f[8], f[9], f[10], f[11], out);
}
