/// The header lists of HEADERS frames that are queued in libnghttp2, which sends most of them in the order in which
/// they were submitted: only trailers overtake requests.
///
/// A ring: entries lie at `first` and the following `count` places, modulo the capacity, which is a power of two. Only
/// those places are initialized and read. Confined to one thread.
@safe
package struct HeaderQueue: ~Copyable {
    private struct Entry {
        var stream: StreamID
        /// Whether libnghttp2 has been told not to send the frame.
        var isCancelled = false
        var list: HeaderList
    }

    private static let firstCapacity = 16

    /// Owned; `nil` until something is queued for the first time.
    private var ring: UnsafeMutablePointer<Entry>?
    private var capacity = 0
    private var first = 0
    /// Number of lists that wait.
    private var count = 0

    package init() {}

    deinit {
        // Entries are trivial: there is nothing to deinitialize.
        unsafe ring?.deallocate()
    }

    /// Whether no list waits.
    package var isEmpty: Bool { count == 0 }

    @inline(__always)
    private func place(_ index: Int) -> Int { (first &+ index) & (capacity &- 1) }

    /// Adds a list for a stream, after all others.
    package mutating func append(_ list: HeaderList, on stream: StreamID) {
        guard count < capacity, let ring = unsafe ring else {
            grow()
            return append(list, on: stream)
        }
        unsafe ring.advanced(by: place(count)).initialize(to: Entry(stream: stream, list: list))
        count &+= 1
    }

    @inline(never)
    private mutating func grow() {
        let larger = capacity == 0 ? Self.firstCapacity : 2 * capacity
        let new = UnsafeMutablePointer<Entry>.allocate(capacity: larger)
        if let ring = unsafe ring {
            for index in 0..<count { unsafe new.advanced(by: index).initialize(to: ring[place(index)]) }
            unsafe ring.deallocate()
        }
        unsafe (ring, capacity, first) = (new, larger, 0)
    }

    /// Notes that the HEADERS of a stream are not to be sent.
    ///
    /// - Returns: whether that had been noted before; `false` for a stream without queued HEADERS.
    package mutating func cancel(on stream: StreamID) -> Bool {
        guard let ring = unsafe ring else { return false }
        for index in 0..<count where unsafe ring[place(index)].stream == stream {
            defer { unsafe ring[place(index)].isCancelled = true }
            return unsafe ring[place(index)].isCancelled
        }
        return false
    }

    /// Whether a stream has a list here.
    package func has(_ stream: StreamID) -> Bool {
        guard let ring = unsafe ring else { return false }
        for index in 0..<count where unsafe ring[place(index)].stream == stream { return true }
        return false
    }

    /// Takes the list of a stream that was queued first.
    package mutating func take(on stream: StreamID) -> HeaderList? {
        guard let ring = unsafe ring else { return nil }
        var index = 0
        while index < count, unsafe ring[place(index)].stream != stream { index &+= 1 }
        guard index < count else { return nil }
        let list = unsafe ring[place(index)].list
        // The entries in front of it move up.
        while index > 0 {
            unsafe ring[place(index)] = ring[place(index &- 1)]
            index &-= 1
        }
        first = place(1)
        count &-= 1
        return list
    }

    /// Takes any list that is left; `nil` if none is.
    package mutating func takeAny() -> HeaderList? {
        guard count > 0, let ring = unsafe ring else { return nil }
        return unsafe take(on: ring[first].stream)
    }
}
