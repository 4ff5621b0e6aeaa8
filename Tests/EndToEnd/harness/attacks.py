"""Bytes that no server has to bear from a client, whatever it serves."""

import struct

from harness.attacker import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PRIORITY, RST_STREAM, SETTINGS, frame,
    header_block, reset, window_update,
)

PUSH_PROMISE, GOAWAY = 5, 7

# Frames that end a connection at once (RFC 9113); the request before them is lost with it.
BROKEN = {
    "zero_increment": window_update(1, 0),
    "zero_increment_of_the_connection": window_update(0, 0),
    "overflow_of_the_connection": window_update(0, 2**31 - 1),
    "data_after_end_stream": frame(DATA, END_STREAM, 1, b"x"),
    "headers_after_end_stream": frame(HEADERS, END_HEADERS | END_STREAM, 1, header_block(("x", "y"))),
    "priority_too_short": frame(PRIORITY, 0, 1, b"1234"),
    "settings_too_short": frame(SETTINGS, 0, 0, b"12345"),
    "settings_window_too_large": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31)),
    "reset_of_an_idle_stream": reset(5),
    "reset_too_short": frame(RST_STREAM, 0, 1, b"123"),
    "data_on_stream_0": frame(DATA, 0, 0, b"x"),
    "padding_longer_than_the_frame": frame(DATA, PADDED, 1, b"\xffx"),
    "frame_too_large": frame(DATA, 0, 1, b"x" * 16_385),
    "continuation_of_nothing": frame(CONTINUATION, END_HEADERS, 1),
    "compression_out_of_step": frame(HEADERS, END_HEADERS | END_STREAM, 3, b"\xff\xff\xff\xff\xff"),
    "push_promise": frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2)),
    "stream_of_the_server": frame(HEADERS, END_HEADERS | END_STREAM, 2, header_block(("x", "y"))),
}

#: Frames that move nothing, for floods. Stream 1 is to be open, and stream 3 reset.
CONTROL = {
    "settings": frame(SETTINGS),
    "priority": frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 16)),
    "priority_of_itself": frame(PRIORITY, 0, 1, struct.pack(">IB", 1, 16)),
    "window_update": window_update(0, 1),
    "window_update_of_a_stream": window_update(1, 1),
    "reset_of_a_closed_stream": reset(3),
    "ping_answers": frame(PING, ACK, 0, b"12345678"),
    "goaway": frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)),
    "unknown": frame(0x77, 0, 0, b"unknown"),
}
