#ifndef SLUICE_BENCH_PAYLOAD_H
#define SLUICE_BENCH_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calls.h"

/// Bytes before a gRPC message: not compressed, its length.
enum { PAYLOAD_PREFIX = 5 };

/// Makes the random bytes that all messages are cut from. Once, before the others; the same in every run.
///
/// With `are_predictions` each message is a PredictResponse, of `PREDICTION_BYTES`.
void payload_prepare(size_t message_bytes, bool are_predictions);

/// Makes the messages those of these calls, which take turns, instead; with `records`, answers are kept as they come.
void payload_use(struct calls *calls, bool records);

/// Writes the prefix of a message of so many bytes.
void payload_write_prefix(uint8_t *prefix, size_t message_bytes);

/// Bytes of a whole request's body: the prefix and the message.
size_t payload_request_length(uint64_t call_number);

/// The same of its answer. One that is being recorded is as long as it is so far.
size_t payload_answer_length(uint64_t call_number);

/// Copies the request's body of the call with this number, from `position` on, at most `room` bytes. Returns the count.
size_t payload_copy(uint64_t call_number, size_t position, uint8_t *into, size_t room);

/// Whether these are the bytes at `position` of what that call is to be answered: its own, if it isn't one of a file.
bool payload_matches(uint64_t call_number, size_t position, const uint8_t *bytes, size_t length);

#endif
