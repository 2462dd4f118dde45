/* A frame as NVIDIA's decoder leaves it in GPU memory (NV12) becomes one image of the engine's
   input: letterboxed, RGB, 8 bits. It does what `apply_to_planes` of detector/letterbox.py does on
   the CPU, with the same rounding: each plane is halved while that is exact, then scaled, and the
   small image is converted to RGB.

   One thread makes one pixel of the output. As C, with a shim for the words of CUDA, this file runs
   on a CPU, where it is tested. */

#ifdef __cplusplus
extern "C" {
#endif

#define MAX_HALVINGS 16

typedef unsigned char Byte;

typedef struct {
    const Byte *first;
    int pitch, step; /* bytes from one row to the next, from one value to the next */
    int halvings, by_area;
    int width, height; /* after halving */
} Plane;

__device__ int to_byte(float value) {
    int rounded = (int)rintf(value);
    return rounded < 0 ? 0 : rounded > 255 ? 255 : rounded;
}

/* One value of a plane that was halved several times, each time with rounding. The values that it
   covers are visited in squares of 2, 4, 8 ..., so that one sum for each size is enough. */
__device__ int halved(const Plane *from, int x, int y) {
    int sums[MAX_HALVINGS] = {0}, level, value = 0;
    long long i;
    for (i = 0; i < 1LL << 2 * from->halvings; i++) {
        int px = x << from->halvings, py = y << from->halvings;
        for (level = 0; level < from->halvings; level++) {
            px |= (int)(i >> 2 * level & 1) << level;
            py |= (int)(i >> (2 * level + 1) & 1) << level;
        }
        value = from->first[(long long)py * from->pitch + (long long)px * from->step];
        for (level = 0; level < from->halvings; level++) {
            sums[level] += value;
            if ((i >> 2 * level & 3) != 3) break;
            value = (sums[level] + 2) >> 2;
            sums[level] = 0;
        }
    }
    return value;
}

/* Where a pixel of the result lies: after value `low`, with a weight of the next in 1/2048. */
__device__ int between(int position, int length, int wanted, int *weight) {
    float at = (float)((position + 0.5) * ((double)length / wanted) - 0.5);
    int low = (int)floorf(at);
    *weight = (int)rintf((at - low) * 2048.0f);
    return low;
}

__device__ int inside(int position, int length) {
    return position < 0 ? 0 : position >= length ? length - 1 : position;
}

/* OpenCV's bilinear interpolation, in its integers. */
__device__ int bilinear(const Plane *from, int x, int y, int width, int height) {
    int right, below;
    int left = between(x, from->width, width, &right);
    int top = between(y, from->height, height, &below);
    int next = inside(left + 1, from->width), under = inside(top + 1, from->height);
    int upper, lower;
    left = inside(left, from->width), top = inside(top, from->height);
    upper = halved(from, left, top) * (2048 - right) + halved(from, next, top) * right;
    lower = halved(from, left, under) * (2048 - right) + halved(from, next, under) * right;
    return (((2048 - below) * (upper >> 4) >> 16) + (below * (lower >> 4) >> 16) + 2) >> 2;
}

/* The weight of a value in the mean of those between two positions, as OpenCV computes it. */
__device__ float share(int position, double first, double scale, int length) {
    double last = first + scale, cell = scale < length - first ? scale : length - first, rest;
    int begin = (int)ceil(first), end = (int)floor(last);
    if (end > length - 1) end = length - 1;
    if (begin > end) begin = end;
    if (position < begin) return begin - first > 1e-3 ? (float)((begin - first) / cell) : 0.0f;
    if (position < end) return (float)(1.0 / cell);
    rest = last - end < 1.0 ? last - end : 1.0;
    return last - end > 1e-3 ? (float)((rest < cell ? rest : cell) / cell) : 0.0f;
}

/* The mean of the values that a pixel of the result covers. */
__device__ int mean(const Plane *from, int x, int y, int width, int height) {
    double across = (double)from->width / width, down = (double)from->height / height;
    double left = x * across, top = y * down;
    float sum = 0.0f;
    int px, py;
    for (py = (int)top; py < top + down && py < from->height; py++) {
        float row = 0.0f;
        for (px = (int)left; px < left + across && px < from->width; px++)
            row += halved(from, px, py) * share(px, left, across, from->width);
        sum += row * share(py, top, down, from->height);
    }
    return to_byte(sum);
}

__device__ int scaled(const Plane *from, int x, int y, int width, int height) {
    return from->by_area ? mean(from, x, y, width, height) : bilinear(from, x, y, width, height);
}

__device__ Plane plane(const Byte *first, int pitch, int step, int width, int height, int halvings,
                       int by_area) {
    Plane made;
    made.first = first, made.pitch = pitch, made.step = step;
    made.halvings = halvings, made.by_area = by_area;
    made.width = width >> halvings, made.height = height >> halvings;
    return made;
}

/* width, height: of the frame, scaled to resized_width x resized_height at (left, top) of the output
   luma: one byte a pixel; chroma: Cb and Cr in turn, for two pixels of two rows
   luma_halvings, luma_by_area, ...: how a plane is scaled: halved so often, then by areas or not
   r.., g.., b..: what Y, Cb and Cr give of a colour, and what is added
   out: out_height x out_width x 3 bytes */
__global__ void letterbox_nv12(
    const Byte *luma, const Byte *chroma, int luma_pitch, int chroma_pitch, int width, int height,
    int luma_halvings, int luma_by_area, int chroma_halvings, int chroma_by_area,
    int resized_width, int resized_height, int left, int top, int out_width, int out_height, int pad,
    float ry, float rb, float rr, float r1, float gy, float gb, float gr, float g1,
    float by, float bb, float br, float b1, Byte *out) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= out_width || y >= out_height) return;
    out += ((long long)y * out_width + x) * 3;
    out[0] = out[1] = out[2] = (Byte)pad;
    x -= left, y -= top;
    if (x >= 0 && y >= 0 && x < resized_width && y < resized_height) {
        int w = (width + 1) / 2, h = (height + 1) / 2;
        Plane grey = plane(luma, luma_pitch, 1, width, height, luma_halvings, luma_by_area);
        Plane blue = plane(chroma, chroma_pitch, 2, w, h, chroma_halvings, chroma_by_area);
        Plane red = plane(chroma + 1, chroma_pitch, 2, w, h, chroma_halvings, chroma_by_area);
        float Y = (float)scaled(&grey, x, y, resized_width, resized_height);
        float Cb = (float)scaled(&blue, x, y, resized_width, resized_height);
        float Cr = (float)scaled(&red, x, y, resized_width, resized_height);
        out[0] = (Byte)to_byte(ry * Y + rb * Cb + rr * Cr + r1);
        out[1] = (Byte)to_byte(gy * Y + gb * Cb + gr * Cr + g1);
        out[2] = (Byte)to_byte(by * Y + bb * Cb + br * Cr + b1);
    }
}

#ifdef __cplusplus
}
#endif
