#include "calls.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"

enum { LENGTH_BYTES = 4 };
#define UNKNOWN UINT32_MAX
/// More is no file of calls.
#define MOST (64u << 20)

static void fail(const char *file, const char *reason)
{
    fprintf(stderr, "bench-driver: %s: %s\n", file, reason);
    exit(64);
}

static void *take_memory(size_t length)
{
    void *memory = malloc(length > 0 ? length : 1);
    if (memory == NULL) {
        perror("bench-driver: calls");
        exit(2);
    }
    return memory;
}

/// Reads a length; false at the end of the file.
static bool read_length(FILE *input, const char *file, uint32_t *length)
{
    uint8_t bytes[LENGTH_BYTES];
    size_t count = fread(bytes, 1, sizeof(bytes), input);
    if (count == 0 && feof(input)) {
        return false;
    }
    if (count != sizeof(bytes)) {
        fail(file, "it is cut off, or can't be read");
    }
    *length = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    if (*length != UNKNOWN && *length > MOST) {
        fail(file, "a length is too large");
    }
    return true;
}

/// Reads so many bytes to the place after `before` bytes of new memory, which has a zero after them.
static uint8_t *read_bytes(FILE *input, const char *file, size_t before, uint32_t length)
{
    uint8_t *bytes = take_memory(before + length + 1);
    if (fread(bytes + before, 1, length, input) != length) {
        fail(file, "it is cut off, or can't be read");
    }
    bytes[before + length] = 0;
    return bytes;
}

static uint8_t *read_message(FILE *input, const char *file, uint32_t length)
{
    uint8_t *message = read_bytes(input, file, PAYLOAD_PREFIX, length);
    payload_write_prefix(message, length);
    return message;
}

void calls_read(struct calls *calls, const char *file)
{
    FILE *input = fopen(file, "rb");
    uint32_t length;
    if (input == NULL) {
        fail(file, "it can't be opened");
    }
    if (!read_length(input, file, &length) || length == UNKNOWN) {
        fail(file, "it has no path");
    }
    calls->path = (char *)read_bytes(input, file, 0, length);
    while (read_length(input, file, &length)) {
        calls->pairs = realloc(calls->pairs, (calls->count + 1) * sizeof(*calls->pairs));
        if (calls->pairs == NULL) {
            perror("bench-driver: calls");
            exit(2);
        }
        struct call_pair *pair = &calls->pairs[calls->count++];
        *pair = (struct call_pair){.request_length = PAYLOAD_PREFIX + (size_t)length};
        if (length == UNKNOWN) {
            fail(file, "a request has no bytes");
        }
        pair->request = read_message(input, file, length);
        if (!read_length(input, file, &length)) {
            fail(file, "an answer is missing");
        }
        if (length != UNKNOWN) {
            pair->answer = read_message(input, file, length);
            pair->answer_length = PAYLOAD_PREFIX + (size_t)length;
        }
    }
    if (calls->count == 0) {
        fail(file, "it has no call");
    }
    fclose(input);
}

void calls_record(struct call_pair *pair, const uint8_t *bytes, size_t length)
{
    uint8_t *answer = take_memory(pair->answer_length + length);
    if (pair->answer != NULL) {
        memcpy(answer, pair->answer, pair->answer_length);
        free(pair->answer);
    }
    memcpy(answer + pair->answer_length, bytes, length);
    pair->answer = answer;
    pair->answer_length += length;
}

static void write_piece(FILE *output, const uint8_t *bytes, size_t length)
{
    uint8_t prefix[LENGTH_BYTES];
    for (int index = 0; index < LENGTH_BYTES; index++) {
        prefix[index] = (uint8_t)(length >> 8 * index);
    }
    fwrite(prefix, 1, sizeof(prefix), output);
    fwrite(bytes, 1, length, output);
}

void calls_write(const struct calls *calls, const char *file)
{
    FILE *output = fopen(file, "wb");
    if (output == NULL) {
        perror(file);
        exit(2);
    }
    write_piece(output, (const uint8_t *)calls->path, strlen(calls->path));
    for (size_t index = 0; index < calls->count; index++) {
        const struct call_pair *pair = &calls->pairs[index];
        write_piece(output, pair->request + PAYLOAD_PREFIX, pair->request_length - PAYLOAD_PREFIX);
        if (pair->answer_length < PAYLOAD_PREFIX) {
            fprintf(stderr, "bench-driver: call %zu has no answer\n", index);
            exit(2);
        }
        write_piece(output, pair->answer + PAYLOAD_PREFIX, pair->answer_length - PAYLOAD_PREFIX);
    }
    if (ferror(output) || fclose(output) != 0) {
        perror(file);
        exit(2);
    }
}
