// libnghttp2, with accessors into the frame union so that Swift never copies it.
#pragma once

#include <nghttp2/nghttp2.h>

static inline uint8_t nghttp2_shim_type(const nghttp2_frame *frame) { return frame->hd.type; }
static inline uint8_t nghttp2_shim_flags(const nghttp2_frame *frame) { return frame->hd.flags; }
static inline int32_t nghttp2_shim_stream(const nghttp2_frame *frame) { return frame->hd.stream_id; }

/// Of a HEADERS frame: whether it opens a stream as a request.
static inline int nghttp2_shim_is_request(const nghttp2_frame *frame) {
    return frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

/// Of a RST_STREAM frame.
static inline uint32_t nghttp2_shim_reset_code(const nghttp2_frame *frame) { return frame->rst_stream.error_code; }

/// Of a GOAWAY frame.
static inline int32_t nghttp2_shim_goaway_last(const nghttp2_frame *frame) { return frame->goaway.last_stream_id; }
static inline uint32_t nghttp2_shim_goaway_code(const nghttp2_frame *frame) { return frame->goaway.error_code; }
static inline const uint8_t *nghttp2_shim_goaway_text(const nghttp2_frame *frame) { return frame->goaway.opaque_data; }
static inline size_t nghttp2_shim_goaway_text_length(const nghttp2_frame *frame) {
    return frame->goaway.opaque_data_len;
}

/// Of a WINDOW_UPDATE frame.
static inline int32_t nghttp2_shim_window_increment(const nghttp2_frame *frame) {
    return frame->window_update.window_size_increment;
}

/// Of a PING frame: its eight bytes, as a number of this machine's order.
static inline uint64_t nghttp2_shim_ping_payload(const nghttp2_frame *frame) {
    uint64_t payload;
    __builtin_memcpy(&payload, frame->ping.opaque_data, sizeof payload);
    return payload;
}

/// Of a DATA frame that has been received: whether all of its payload is padding (with the field that says how much).
static inline int nghttp2_shim_is_padding(const nghttp2_frame *frame) {
    return frame->hd.length > 0 && frame->hd.length == frame->data.padlen;
}

/// Whether two byte strings of one length are equal.
static inline int nghttp2_shim_equal(const void *left, const void *right, size_t length) {
    return __builtin_memcmp(left, right, length) == 0;
}

// Since 1.57, and in distributions' older versions with the mend of CVE-2023-44487: others have no such function.
NGHTTP2_EXTERN void nghttp2_option_set_stream_reset_rate_limit(nghttp2_option *, uint64_t burst, uint64_t rate)
    __attribute__((weak));

/// Has libnghttp2 end no session for streams that the peer resets.
static inline void nghttp2_shim_allow_stream_resets(nghttp2_option *options) {
    if (nghttp2_option_set_stream_reset_rate_limit)
        nghttp2_option_set_stream_reset_rate_limit(options, UINT64_MAX, UINT64_MAX);
}
