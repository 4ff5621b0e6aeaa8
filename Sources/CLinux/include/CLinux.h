// The Linux system calls that Glibc's module map leaves out, or that need _GNU_SOURCE.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

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

/// socket(2) of the same kind, bound to nothing.
int clinux_message_socket(void);

/// The user and the process at the other end of a connected Unix socket, as they were when it connected or began to listen
/// (SO_PEERCRED, unix(7)). The process is 0 if this process's namespace has no number for it.
///
/// Returns 0, or -1 with errno.
int clinux_peer(int socket, uint32_t *user, int *process);

/// The most descriptors that one packet carries (SCM_MAX_FD).
enum { clinux_most_descriptors = 253 };

/// sendmsg(2): sends a packet with descriptors (SCM_RIGHTS, unix(7)), without waiting for room. The bytes must not be none.
///
/// Returns the number of bytes, or -1 with errno.
ssize_t clinux_send_descriptors(int socket, const void *bytes, size_t size, const int descriptors[], int count);

/// recvmsg(2): receives a packet with its descriptors, which are closed on exec, without waiting for one. `descriptors` has
/// room for `clinux_most_descriptors`.
///
/// Returns the number of bytes, 0 at the end, or -1 with errno and no descriptors: EMSGSIZE for a packet of which a part
/// didn't fit, be it bytes or descriptors.
ssize_t clinux_receive_descriptors(int socket, void *bytes, size_t size, int descriptors[], int *count);

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
