import CLinux
import Glibc
import Ground
import Synchronization

/// Some 64-bit words that several processes read and write atomically, each by itself: a page of memory behind a
/// descriptor, which one process passes on to another.
///
/// `@unchecked Sendable`: the pointer never changes, and the memory that it refers to is only ever used as an atomic.
@safe
package final class SharedWords: @unchecked Sendable {
    /// The descriptor to be passed on.
    package let descriptor: FileDescriptor

    /// Points to a mapping of `pageSize` bytes, `count` words, that lives as long as this object. An `Atomic<UInt64>` is
    /// a `UInt64` in memory, a page meets any alignment that it needs, and all bits of a new page are zero, which are
    /// words of 0.
    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    private static let pageSize = 4096
    /// Number of words.
    package static let count = pageSize / 8

    /// Makes words of 0.
    ///
    /// - Parameter name: what it is for, as the system shows it among a process's descriptors.
    package convenience init(named name: String) throws(SystemError) {
        let memory = try unsafe FileDescriptor(clinux_shared_memory(name), "memfd_create")
        guard ftruncate(memory.number, off_t(Self.pageSize)) == 0 else {
            throw SystemError(operation: "ftruncate", code: errno)
        }
        try self.init(sharing: memory)
    }

    /// Joins words that another process has made.
    package init(sharing descriptor: FileDescriptor) throws(SystemError) {
        var status = stat()
        guard unsafe fstat(descriptor.number, &status) == 0 else { throw SystemError(operation: "fstat", code: errno) }
        // A shorter file would end the process at the first access.
        guard status.st_size >= Self.pageSize else { throw SystemError(operation: "map shared words", code: EINVAL) }
        guard
            let memory = unsafe mmap(nil, Self.pageSize, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0),
            unsafe memory != MAP_FAILED
        else { throw SystemError(operation: "mmap", code: errno) }
        self.descriptor = descriptor
        unsafe words = memory.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    deinit {
        unsafe munmap(words, Self.pageSize)
    }

    /// Loads a word, with acquiring order. Any thread of any process that shares it may do so.
    ///
    /// - Parameter place: 0 or more, below `count`.
    @inline(__always)
    package func load(_ place: Int = 0) -> UInt64 {
        assert((0..<Self.count).contains(place))
        return unsafe words[place].load(ordering: .acquiring)
    }

    /// Stores into a word, with sequentially consistent order.
    package func store(_ value: UInt64, _ place: Int = 0) {
        precondition((0..<Self.count).contains(place))
        unsafe words[place].store(value, ordering: .sequentiallyConsistent)
    }

    /// Stores into the first word if it has a certain value, as one step for all processes that share it.
    ///
    /// - Returns: the word as it was before.
    package func compareExchange(expected: UInt64, desired: UInt64) -> UInt64 {
        unsafe words.pointee.compareExchange(
            expected: expected, desired: desired, ordering: .sequentiallyConsistent
        ).original
    }
}
