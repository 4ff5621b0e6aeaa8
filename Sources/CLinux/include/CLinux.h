// The Linux system calls that Glibc's module map leaves out, or that need _GNU_SOURCE.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC; the peer's address isn't asked for.
int clinux_accept(int listener);

/// socket(2) with SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC.
int clinux_stream_socket(int family);

/// eventfd(2), non-blocking, closed on exec.
int clinux_eventfd(void);

/// Adds one to an eventfd, waking who polls it.
void clinux_eventfd_signal(int descriptor);

/// Sets an eventfd back to zero.
void clinux_eventfd_clear(int descriptor);

/// The system's text for an errno value: a constant string, safe on any thread; NULL for an unknown value.
const char *clinux_error_text(int code);

/// memfd_create(2): memory that other processes can map, too; closed on exec.
int clinux_shared_memory(const char *name);

/// socketpair(2) of Unix sockets that keep messages apart: non-blocking, closed on exec.
int clinux_message_pair(int pair[2]);

/// posix_spawn(3): starts a program with `count` descriptors, numbered from 3 on in the order given, besides the standard
/// ones; it has no others. None of its signals is blocked, whatever this process blocks; those that this process ignores
/// it ignores, too.
///
/// Returns 0, or what posix_spawn(3) returns.
int clinux_spawn(
    int *process, const char *program, char *const arguments[], char *const environment[], const int descriptors[],
    int count);

/// Bytes that were written to a socket and that its peer has not acknowledged (SIOCOUTQ, tcp(7)); -1 if it is no socket.
int clinux_unacknowledged(int socket);

/// Names the calling thread as tools like top and perf show it; at most 15 bytes count.
void clinux_name_thread(const char *name);
