#include "payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prediction.h"

/// A call's message begins at one of so many places, so that bytes of another call are told from its own.
enum { OFFSETS = 1 << 16 };

static uint8_t *pattern;
static size_t message_length;
/// The distance of one such place from the next.
static size_t stride = 1;
static uint8_t prefix[PAYLOAD_PREFIX];
/// NULL where messages are cut from the random bytes.
static struct calls *used;
static bool is_recording;

static void make_predictions(void)
{
    static const char prediction[PREDICTION_BYTES + 1] =
        PREDICTION("----------", "------\xe3\x3f", "------\xe3\x3f", "v1.0.0");
    stride = PREDICTION_BYTES;
    for (uint8_t *message = pattern; message < pattern + OFFSETS; message += stride) {
        uint8_t random[PREDICTION_BYTES];
        memcpy(random, message, sizeof(random));
        memcpy(message, prediction, sizeof(random));
        for (int index = PREDICTION_LABEL; index < PREDICTION_LABEL + PREDICTION_LABEL_BYTES; index++) {
            message[index] = 'a' + random[index] % 16;
        }
        memcpy(message + PREDICTION_FIRST, random + PREDICTION_FIRST, PREDICTION_FREE_BYTES);
        memcpy(message + PREDICTION_SECOND, random + PREDICTION_SECOND, PREDICTION_FREE_BYTES);
    }
}

void payload_prepare(size_t message_bytes, bool are_predictions)
{
    message_length = message_bytes;
    payload_write_prefix(prefix, message_bytes);
    pattern = malloc(OFFSETS + message_bytes + sizeof(uint64_t));
    if (pattern == NULL) {
        perror("bench-driver: payload");
        exit(2);
    }
    // xorshift64*
    uint64_t state = 0x9e3779b97f4a7c15;
    for (size_t index = 0; index < OFFSETS + message_bytes; index += sizeof(state)) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        uint64_t value = state * 0x2545f4914f6cdd1d;
        memcpy(pattern + index, &value, sizeof(value));
    }
    if (are_predictions) {
        make_predictions();
    }
}

void payload_use(struct calls *calls, bool records)
{
    used = calls;
    is_recording = records;
}

void payload_write_prefix(uint8_t *place, size_t message_bytes)
{
    place[0] = 0;
    for (int index = 0; index < 4; index++) {
        place[1 + index] = (uint8_t)(message_bytes >> (24 - 8 * index));
    }
}

static struct call_pair *pair_of(uint64_t call_number)
{
    return &used->pairs[call_number % used->count];
}

size_t payload_request_length(uint64_t call_number)
{
    return used != NULL ? pair_of(call_number)->request_length : PAYLOAD_PREFIX + message_length;
}

size_t payload_answer_length(uint64_t call_number)
{
    return used != NULL ? pair_of(call_number)->answer_length : PAYLOAD_PREFIX + message_length;
}

static const uint8_t *message_of(uint64_t call_number)
{
    return pattern + (call_number * 40503) % (OFFSETS / stride) * stride;
}

size_t payload_copy(uint64_t call_number, size_t position, uint8_t *into, size_t room)
{
    size_t left = payload_request_length(call_number) - position;
    size_t count = left < room ? left : room;
    size_t done = 0;
    if (used != NULL) {
        memcpy(into, pair_of(call_number)->request + position, count);
        return count;
    }
    for (; position < PAYLOAD_PREFIX && done < count; position++) {
        into[done++] = prefix[position];
    }
    if (done < count) {
        memcpy(into + done, message_of(call_number) + position - PAYLOAD_PREFIX, count - done);
    }
    return count;
}

bool payload_matches(uint64_t call_number, size_t position, const uint8_t *bytes, size_t length)
{
    if (is_recording) {
        calls_record(pair_of(call_number), bytes, length);
        return true;
    }
    size_t whole = payload_answer_length(call_number);
    if (position > whole || length > whole - position) {
        return false;
    }
    if (used != NULL) {
        return memcmp(bytes, pair_of(call_number)->answer + position, length) == 0;
    }
    for (; position < PAYLOAD_PREFIX && length > 0; position++, bytes++, length--) {
        if (*bytes != prefix[position]) {
            return false;
        }
    }
    return length == 0 || memcmp(bytes, message_of(call_number) + position - PAYLOAD_PREFIX, length) == 0;
}
