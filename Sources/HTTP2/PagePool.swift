import Glibc

/// Zeroed memory in pages, which the system need not hold while they are all zeros.
///
/// libnghttp2 gives every session a zeroed table of 4 KiB for its streams. Between calls it is all zeros again, so an
/// idle connection need not hold a page for it. Confined to one thread.
///
/// Soundness: the space is mapped from `init` until `deinit`; only whole pages of it are given out, each to one owner.
@safe
package final class PagePool {
    /// Bytes in a page.
    package static let pageSize = 4096

    /// Bytes of address space, whose pages count only once they are written to; enough for 65,536 connections per
    /// worker.
    private static let reserved = 65_536 * pageSize

    private let start: UnsafeMutableRawPointer
    /// Bytes of the space that have ever been given out.
    private var used = 0
    /// Pages given back, which may have been written to.
    private var free: [UnsafeMutableRawPointer] = unsafe []

    /// - Returns: `nil` if the system doesn't grant that address space.
    package init?() {
        let protection = PROT_READ | PROT_WRITE
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard sysconf(Int32(_SC_PAGESIZE)) == Self.pageSize,
            let space = unsafe mmap(nil, Self.reserved, protection, flags, -1, 0), unsafe space != MAP_FAILED
        else { return nil }
        unsafe start = space
        // With huge pages, the first page of every connection would take 2 MiB.
        unsafe madvise(space, Self.reserved, MADV_NOHUGEPAGE)
    }

    deinit {
        unsafe munmap(start, Self.reserved)
    }

    /// The address space of all pages.
    var space: (start: UInt, length: UInt) { unsafe (UInt(bitPattern: start), UInt(Self.reserved)) }

    private func contains(_ pointer: UnsafeMutableRawPointer) -> Bool {
        unsafe pointer >= start && pointer < start.advanced(by: Self.reserved)
    }

    /// - Returns: a page of zeros, or `nil` if all are given out.
    package func take() -> UnsafeMutableRawPointer? {
        if let page = unsafe free.popLast() {
            unsafe memset(page, 0, Self.pageSize)
            return unsafe page
        }
        guard used < Self.reserved else { return nil }
        defer { used += Self.pageSize }
        return unsafe start.advanced(by: used)
    }

    /// Takes back a page that came from `take()`.
    package func give(_ page: UnsafeMutableRawPointer) {
        unsafe assert(contains(page) && page.isOnPageBoundary, "only pages from here come back")
        unsafe free.append(page)
    }

    /// Hands a page that is all zeros back to the system, which supplies a zeroed one at the next access: the page's
    /// owner sees no difference.
    package func trim(_ page: UnsafeMutableRawPointer) {
        unsafe assert(contains(page) && page.isOnPageBoundary, "only pages from here are trimmed")
        guard unsafe page.load(as: Int.self) == 0, unsafe memcmp(page, page.advanced(by: 8), Self.pageSize - 8) == 0
        else { return }
        unsafe madvise(page, Self.pageSize, MADV_DONTNEED)
    }
}

extension UnsafeMutableRawPointer {
    fileprivate var isOnPageBoundary: Bool { UInt(bitPattern: self) % UInt(PagePool.pageSize) == 0 }
}
