/// Limits the growth of the windows of one worker's streams altogether, beyond the size that they began with.
///
/// A granted window is memory that its sender may fill at any moment, so each one counts until it is used up or its
/// stream has ended. Nobody may hold more than is left for the others: the first to come gets half at most, and there
/// is always something for the next (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
/// switches", IEEE/ACM Transactions on Networking 6(2), 1998). Confined to one thread.
package struct WindowBudget {
    /// The most bytes that all windows may grow by together. Lowering it takes nothing back.
    package var total: Int
    /// Bytes granted now.
    package private(set) var granted = 0

    /// - Parameter total: bytes, 0 or more.
    package init(total: Int) {
        self.total = total
    }

    /// Takes bytes for a window that grows.
    ///
    /// - Parameters:
    ///   - wanted: bytes, 0 or more.
    ///   - held: bytes that the taker holds already.
    /// - Returns: the bytes granted, at most `wanted`.
    package mutating func take(upTo wanted: Int, holding held: Int) -> Int {
        let count = min(wanted, max(0, (total - granted - held) / 2))
        granted += count
        return count
    }

    /// Gives back bytes that can't be filled any more.
    package mutating func giveBack(_ count: Int) {
        assert(count <= granted, "what is given back was taken")
        granted -= count
    }
}
