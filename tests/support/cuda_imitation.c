/* A libcuda.so.1 without a GPU: so much of NVIDIA's driver as our code and pycuda call.

   Memory of the GPU is memory of the CPU, streams work at once, a captured graph is a list of
   copies. Our kernel runs on the CPU. It counts what is held and what is current, and prints nothing.
   Built by test_cuda_driver.py. */

#include <stdlib.h>
#include <string.h>

#include "host_kernel.c"

typedef int Result;
typedef unsigned long long Pointer;
enum { OK = 0, INVALID_VALUE = 1, NO_DEVICE = 100, INVALID_CONTEXT = 201, CAPTURE_INVALID = 901 };
enum { CONTEXTS, DEVICE_MEMORY, HOST_MEMORY, STREAMS, EVENTS, GRAPHS, EXECUTABLES, MODULES, KINDS };

typedef struct { void *to; const void *from; size_t bytes; } Copy;
typedef struct { Copy copies[16]; int count; } Graph;
typedef struct { Graph *captured; int follows; } Stream; /* waits for the decoder's stream */
typedef struct { int recorded; } Event; /* on the default stream, which is that of the decoder */
typedef struct { /* the arguments of letterbox_nv12, as pycuda packs them */
    const Byte *luma, *chroma;
    int integers[15];
    float floats[12];
    Byte *out;
} Arguments;

static int held[KINDS];
static _Thread_local int depth; /* contexts on this thread's stack */
static int context;             /* its address is the context */

int imitation_held(int kind) { return held[kind]; }
int imitation_depth(void) { return depth; }

#define NEEDS_CONTEXT if (depth == 0 || held[CONTEXTS] == 0) return INVALID_CONTEXT

Result cuInit(unsigned flags) { return getenv("IMITATION_NO_GPU") ? NO_DEVICE : OK; }
Result cuGetErrorString(Result code, const char **text) {
    *text = code == NO_DEVICE         ? "no CUDA-capable device is detected"
            : code == INVALID_CONTEXT ? "invalid device context"
            : code == CAPTURE_INVALID ? "operation failed due to a previous error during capture"
                                      : "invalid argument";
    return OK;
}
Result cuDriverGetVersion(int *version) { *version = 13020; return OK; }
Result cuDeviceGetCount(int *count) { *count = 2; return OK; }
Result cuDeviceGet(int *device, int number) {
    if (number > 1) return INVALID_VALUE;
    *device = number;
    return OK;
}
Result cuDeviceGetName(char *name, int room, int device) {
    strncpy(name, device ? "Imitation B" : "Imitation A", room);
    return OK;
}
Result cuDeviceTotalMem_v2(size_t *bytes, int device) {
    *bytes = (size_t)(device + 1) << 33;
    return OK;
}
Result cuDeviceGetAttribute(int *value, int which, int device) {
    *value = which == 75 ? 8 : which == 76 ? 6 + device : which == 18 ? device : -1;
    return OK;
}

Result cuDevicePrimaryCtxRetain(void **made, int device) {
    held[CONTEXTS]++;
    *made = &context;
    return OK;
}
Result cuDevicePrimaryCtxRelease_v2(int device) {
    if (depth) return INVALID_CONTEXT; /* stricter than the real one: it would stay current */
    held[CONTEXTS]--;
    return OK;
}
Result cuCtxPushCurrent_v2(void *pushed) { depth++; return OK; }
Result cuCtxPopCurrent_v2(void **popped) {
    if (depth == 0) return INVALID_CONTEXT;
    depth--;
    *popped = &context;
    return OK;
}

Result cuMemAlloc_v2(Pointer *made, size_t bytes) {
    NEEDS_CONTEXT;
    held[DEVICE_MEMORY]++;
    *made = (Pointer)malloc(bytes);
    return OK;
}
Result cuMemFree_v2(Pointer memory) {
    NEEDS_CONTEXT;
    held[DEVICE_MEMORY]--;
    free((void *)memory);
    return OK;
}
Result cuMemHostAlloc(void **made, size_t bytes, unsigned flags) {
    NEEDS_CONTEXT;
    held[HOST_MEMORY]++;
    *made = malloc(bytes);
    return OK;
}
Result cuMemFreeHost(void *memory) {
    NEEDS_CONTEXT;
    held[HOST_MEMORY]--;
    free(memory);
    return OK;
}

Result cuStreamCreate(Stream **made, unsigned flags) {
    NEEDS_CONTEXT;
    held[STREAMS]++;
    *made = calloc(1, sizeof(Stream));
    return flags == 1 ? OK : INVALID_VALUE; /* it must not wait for the default stream */
}
Result cuStreamDestroy_v2(Stream *stream) {
    NEEDS_CONTEXT;
    held[STREAMS]--;
    free(stream);
    return OK;
}
Result cuEventCreate(void **made, unsigned flags) {
    NEEDS_CONTEXT;
    held[EVENTS]++;
    *made = calloc(1, sizeof(Event));
    return flags == 3 ? OK : INVALID_VALUE; /* blocking, without times */
}
Result cuEventDestroy_v2(void *event) {
    NEEDS_CONTEXT;
    held[EVENTS]--;
    free(event);
    return OK;
}
Result cuEventRecord(Event *event, Stream *stream) {
    NEEDS_CONTEXT;
    event->recorded = stream == NULL;
    return OK;
}
Result cuStreamWaitEvent(Stream *stream, Event *event, unsigned flags) {
    NEEDS_CONTEXT;
    if (stream == NULL || !event->recorded || flags) return INVALID_VALUE;
    stream->follows = 1;
    return OK;
}

Result cuCtxGetDevice(int *device) { NEEDS_CONTEXT; *device = 0; return OK; }
Result cuModuleLoadDataEx(void **made, const void *image, unsigned count, void *names, void *values) {
    NEEDS_CONTEXT;
    held[MODULES]++;
    *made = malloc(1);
    return memcmp(image, "\177ELF", 4) ? INVALID_VALUE : OK; /* nvcc has compiled it */
}
Result cuModuleUnload(void *module) {
    NEEDS_CONTEXT;
    held[MODULES]--;
    free(module);
    return OK;
}
Result cuModuleGetFunction(void **made, void *module, const char *name) {
    *made = module;
    return strcmp(name, "letterbox_nv12") ? INVALID_VALUE : OK;
}
Result cuLaunchKernel(
    void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned shared, Stream *stream, void **parameters, void **extra) {
    const unsigned grid[] = {gx, gy}, block[] = {bx, by};
    const Arguments *given = extra[1]; /* after the tag of a buffer; then its size */
    NEEDS_CONTEXT;
    if (stream == NULL || !stream->follows || gz != 1 || bz != 1) return INVALID_VALUE;
    if (parameters || *(size_t *)extra[3] != sizeof(Arguments)) return INVALID_VALUE;
    letterbox_nv12_on_the_host(grid, block, given->luma, given->chroma, given->integers,
                               given->floats, given->out);
    return OK;
}
Result cuEventSynchronize(void *event) { NEEDS_CONTEXT; return OK; }

static Result copy(void *to, const void *from, size_t bytes, Stream *stream) {
    NEEDS_CONTEXT;
    if (stream == NULL) return INVALID_VALUE;
    if (stream->captured)
        stream->captured->copies[stream->captured->count++] = (Copy){to, from, bytes};
    else
        memcpy(to, from, bytes);
    return OK;
}
Result cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes, Stream *stream) {
    return copy((void *)to, from, bytes, stream);
}
Result cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes, Stream *stream) {
    return copy(to, (void *)from, bytes, stream);
}
Result cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t bytes, Stream *stream) {
    return copy((void *)to, (void *)from, bytes, stream);
}

Result cuStreamBeginCapture_v2(Stream *stream, int mode) {
    NEEDS_CONTEXT;
    held[GRAPHS]++;
    stream->captured = calloc(1, sizeof(Graph));
    return mode == 1 ? OK : INVALID_VALUE; /* what other threads do is no matter */
}
Result cuStreamEndCapture(Stream *stream, Graph **made) {
    *made = stream->captured;
    stream->captured = NULL;
    if ((*made)->count) return OK;
    held[GRAPHS]--; /* an empty graph is our sign that the capture was broken */
    free(*made);
    *made = NULL;
    return CAPTURE_INVALID;
}
Result cuGraphDestroy(Graph *graph) {
    if (graph == NULL) return INVALID_VALUE;
    held[GRAPHS]--;
    free(graph);
    return OK;
}
Result cuGraphInstantiateWithFlags(Graph **made, Graph *graph, unsigned long long flags) {
    held[EXECUTABLES]++;
    *made = memcpy(malloc(sizeof(Graph)), graph, sizeof(Graph));
    return flags ? INVALID_VALUE : OK;
}
Result cuGraphLaunch(Graph *graph, Stream *stream) {
    NEEDS_CONTEXT;
    for (int i = 0; i < graph->count; i++)
        memcpy(graph->copies[i].to, graph->copies[i].from, graph->copies[i].bytes);
    return stream ? OK : INVALID_VALUE;
}
Result cuGraphExecDestroy(Graph *graph) {
    NEEDS_CONTEXT;
    held[EXECUTABLES]--;
    free(graph);
    return OK;
}
