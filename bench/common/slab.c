#include "slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST_SHIFT = 5, LARGEST_SHIFT = 15, CLASS_COUNT = LARGEST_SHIFT - SMALLEST_SHIFT + 1, ARENA_BYTES = 1 << 20 };
enum { LARGE_CLASS = CLASS_COUNT };

/// Before each block: its class, and for large ones its size. 16 bytes keep the blocks aligned as malloc's are.
struct slab_header {
    uint64_t class_index;
    uint64_t size;
};

union slab_free_block {
    struct slab_header header;
    struct {
        uint64_t class_index;
        union slab_free_block *next;
    } link;
};

static union slab_free_block *free_lists[CLASS_COUNT];
static uint8_t *arena;
static size_t arena_left;

static unsigned class_for(size_t size)
{
    if (size <= (1u << SMALLEST_SHIFT)) {
        return 0;
    }
    return (unsigned)(64 - __builtin_clzll(size - 1)) - SMALLEST_SHIFT;
}

static size_t capacity_of(const struct slab_header *header)
{
    if (header->class_index == LARGE_CLASS) {
        return header->size;
    }
    return (size_t)1 << (header->class_index + SMALLEST_SHIFT);
}

static void *slab_malloc(size_t size, void *user_data)
{
    (void)user_data;
    if (size == 0) {
        return NULL;
    }
    if (size > ((size_t)1 << LARGEST_SHIFT)) {
        struct slab_header *header = malloc(sizeof(*header) + size);
        if (header == NULL) {
            return NULL;
        }
        header->class_index = LARGE_CLASS;
        header->size = size;
        return header + 1;
    }
    unsigned class_index = class_for(size);
    union slab_free_block *block = free_lists[class_index];
    if (block != NULL) {
        free_lists[class_index] = block->link.next;
        return &block->header + 1;
    }
    size_t needed = sizeof(struct slab_header) + ((size_t)1 << (class_index + SMALLEST_SHIFT));
    if (arena_left < needed) {
        // What is left of the old arena is given up: less than one block of the largest class each MiB.
        arena = malloc(ARENA_BYTES);
        if (arena == NULL) {
            arena_left = 0;
            return NULL;
        }
        arena_left = ARENA_BYTES;
    }
    struct slab_header *header = (struct slab_header *)arena;
    arena += needed;
    arena_left -= needed;
    header->class_index = class_index;
    return header + 1;
}

static void slab_free(void *pointer, void *user_data)
{
    (void)user_data;
    if (pointer == NULL) {
        return;
    }
    union slab_free_block *block = (union slab_free_block *)((struct slab_header *)pointer - 1);
    if (block->header.class_index == LARGE_CLASS) {
        free(block);
        return;
    }
    block->link.next = free_lists[block->header.class_index];
    free_lists[block->header.class_index] = block;
}

static void *slab_calloc(size_t count, size_t size, void *user_data)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *pointer = slab_malloc(total, user_data);
    if (pointer != NULL) {
        memset(pointer, 0, total);
    }
    return pointer;
}

static void *slab_realloc(void *pointer, size_t size, void *user_data)
{
    if (pointer == NULL) {
        return slab_malloc(size, user_data);
    }
    size_t capacity = capacity_of((struct slab_header *)pointer - 1);
    if (size <= capacity && size > 0) {
        return pointer;
    }
    void *moved = slab_malloc(size, user_data);
    if (moved != NULL) {
        memcpy(moved, pointer, capacity < size ? capacity : size);
        slab_free(pointer, user_data);
    }
    return moved;
}

nghttp2_mem *slab_memory(void)
{
    static nghttp2_mem memory = {
        .mem_user_data = NULL,
        .malloc = slab_malloc,
        .free = slab_free,
        .calloc = slab_calloc,
        .realloc = slab_realloc,
    };
    return &memory;
}
