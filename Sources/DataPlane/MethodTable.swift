/// Places of the methods that a worker tells apart, by their paths. A call finds its method without an allocation: it is
/// the one before it as a rule, or else found by a hash.
///
/// Methods beyond a bound have no place, in the order in which they come. Confined to the worker's thread.
///
/// Soundness: `bytes` has room for `most` paths of at most `longestPath` bytes, `lengths` for as many lengths, and both are
/// read at places that are taken, and at 0.
@safe
struct MethodTable: ~Copyable {
    /// Methods that are told apart on each worker.
    static let most = 200
    private static let longestPath = 256
    /// A power of two, well above `most`, so that there is always a free slot.
    private static let slotCount = 1_024

    /// The methods' paths, in the order of their places.
    private(set) var paths: [String] = []
    /// The same as bytes, `longestPath` for each.
    private let bytes: UnsafeMutablePointer<UInt8>
    private let lengths: UnsafeMutablePointer<Int>
    /// The place of a path, at the slot of its hash or after it; 255 in a free one.
    private var slots = [UInt8](repeating: free, count: slotCount)
    /// The place that was found last.
    private var last = 0

    private static let free: UInt8 = 255

    init() {
        unsafe bytes = .allocate(capacity: Self.most * Self.longestPath)
        unsafe lengths = .allocate(capacity: Self.most)
        // No path has this length.
        unsafe lengths[0] = -1
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe lengths.deallocate()
    }

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
        guard !isFull, (1...Self.longestPath).contains(path.count), let start = path.baseAddress else { return nil }
        let place = paths.count
        slots[unsafe slot(of: path)] = UInt8(place)
        unsafe paths.append(String(decoding: path, as: UTF8.self))
        unsafe bytes.advanced(by: place * Self.longestPath).update(from: start, count: path.count)
        unsafe lengths[place] = path.count
        return UInt8(place)
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
        guard unsafe lengths[place] == path.count, let start = path.baseAddress else { return false }
        let own = unsafe UnsafeRawPointer(bytes.advanced(by: place &* Self.longestPath))
        let other = unsafe UnsafeRawPointer(start)
        guard path.count >= 8 else {
            for offset in 0..<path.count
            where unsafe own.load(fromByteOffset: offset, as: UInt8.self)
                != other.load(fromByteOffset: offset, as: UInt8.self)
            {
                return false
            }
            return true
        }
        // The ends of paths differ sooner than their beginnings.
        var offset = path.count &- 8
        while offset > 0 {
            if unsafe Self.word(own, offset) != Self.word(other, offset) { return false }
            offset &-= 8
        }
        return unsafe Self.word(own, 0) == Self.word(other, 0)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}
