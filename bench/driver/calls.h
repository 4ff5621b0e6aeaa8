#ifndef SLUICE_BENCH_CALLS_H
#define SLUICE_BENCH_CALLS_H

#include <stddef.h>
#include <stdint.h>

/// A call's two messages, each with the prefix of 5 bytes that gRPC has before it.
struct call_pair {
    uint8_t *request;
    size_t request_length;
    uint8_t *answer;
    size_t answer_length;
};

/// The calls that a server of a certain method is asked, in turn, and what it answers to each.
///
/// In the file every text and message follows its length in 4 little-endian bytes: the path, for example
/// "/prediction.v1.PredictionService/Predict"; then, for each call, the request's message and the answer's. An answer that isn't
/// known yet has the length 0xffffffff and no bytes.
struct calls {
    char *path;
    struct call_pair *pairs;
    size_t count;
};

/// Reads the file. Ends the program with status 64 where it can't be read or isn't one.
void calls_read(struct calls *calls, const char *file);

/// Writes the calls with their answers. Ends the program with status 2 on failure.
void calls_write(const struct calls *calls, const char *file);

/// Adds bytes to an answer that isn't known yet. Ends the program with status 2 without memory.
void calls_record(struct call_pair *pair, const uint8_t *bytes, size_t length);

#endif
