/// Places of the methods that a worker tells apart, by their paths. A call finds its method without an allocation: it is
/// the one before it as a rule, or else found by a hash.
///
/// Methods beyond a bound have no place, in the order in which they come. Confined to the worker's thread.
struct MethodTable: ~Copyable {
    /// Methods that are told apart on each worker.
    static let most = 200
    private static let longestPath = 256
    /// A power of two, well above `most`, so that there is always a free slot.
    private static let slotCount = 1_024

    /// The methods' paths, in the order of their places.
    private(set) var paths: [String] = []
    /// The same as bytes, one after the other, and where each one begins and ends.
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]
    /// The place of a path, at the slot of its hash or after it; 255 in a free one.
    private var slots = [UInt8](repeating: free, count: slotCount)
    /// The place that was found last.
    private var last = 0

    private static let free: UInt8 = 255

    var isFull: Bool { paths.count >= Self.most }

    /// The place of a method; `nil` if it has none.
    @inline(__always)
    mutating func find(_ path: UnsafeBufferPointer<UInt8>) -> UInt8? {
        if unsafe isPath(last, path) { return UInt8(truncatingIfNeeded: last) }
        return unsafe search(path)
    }

    @inline(never)
    private mutating func search(_ path: UnsafeBufferPointer<UInt8>) -> UInt8? {
        let place = unsafe slots[slot(of: path)]
        guard place != Self.free else { return nil }
        last = Int(place)
        return place
    }

    /// Gives a method a place, unless it has one.
    ///
    /// - Returns: `nil` if there is no room.
    mutating func insert(_ path: UnsafeBufferPointer<UInt8>) -> UInt8? {
        if let place = unsafe find(path) { return place }
        guard !isFull, path.count <= Self.longestPath else { return nil }
        let place = UInt8(paths.count)
        slots[unsafe slot(of: path)] = place
        unsafe paths.append(String(decoding: path, as: UTF8.self))
        unsafe bytes.append(contentsOf: path)
        starts.append(bytes.count)
        return place
    }

    /// The slot that has a path, or the free one that it would get.
    private func slot(of path: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in path.indices { hash = unsafe (hash ^ UInt64(path[index])) &* 0x100_0000_01b3 }
        var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & (Self.slotCount - 1)
        while slots[slot] != Self.free, unsafe !isPath(Int(slots[slot]), path) {
            slot = (slot + 1) & (Self.slotCount - 1)
        }
        return slot
    }

    /// Whether the path at a place is this one.
    @inline(__always)
    private func isPath(_ place: Int, _ path: UnsafeBufferPointer<UInt8>) -> Bool {
        guard place + 1 < starts.count else { return false }
        let start = starts[place]
        guard starts[place + 1] - start == path.count else { return false }
        return unsafe bytes.withUnsafeBytes { bytes in
            var offset = 0
            let own = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
            let other = UnsafeRawBufferPointer(path)
            while offset &+ 8 <= path.count {
                let (left, right) = unsafe (
                    own.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                    other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                )
                if left != right { return false }
                offset &+= 8
            }
            while offset < path.count {
                if unsafe own[offset] != other[offset] { return false }
                offset &+= 1
            }
            return true
        }
    }
}
