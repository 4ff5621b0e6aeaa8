#ifndef SLUICE_BENCH_PAYLOAD_H
#define SLUICE_BENCH_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes before a gRPC message: not compressed, its length.
enum { PAYLOAD_PREFIX = 5 };

/// Makes the random bytes that all messages are cut from. Once, before the others; the same in every run.
///
/// With `are_predictions` each message is a PredictResponse, of `PREDICTION_BYTES`.
void payload_prepare(size_t message_bytes, bool are_predictions);

/// Bytes of a whole body: the prefix and the message.
size_t payload_length(void);

/// Copies the body of the call with this number, from `position` on, at most `room` bytes. Returns the count.
size_t payload_copy(uint64_t call_number, size_t position, uint8_t *into, size_t room);

/// Whether these are the bytes at `position` of that call's body.
bool payload_matches(uint64_t call_number, size_t position, const uint8_t *bytes, size_t length);

#endif
