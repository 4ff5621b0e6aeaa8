/// How far the windows of one worker's streams may have grown altogether, beyond those that they began with.
///
/// A granted window is memory that its sender may fill at any moment, so each one counts until it is used up or its
/// stream has ended. Nobody may hold more than is left for the others: whoever comes first gets half at most, and there
/// is always something for the next one (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
/// switches", IEEE/ACM Transactions on Networking 6(2), 1998). Confined to one thread.
package struct WindowBudget {
    /// Bytes of all grown windows together. Lowering it takes nothing back.
    package var total: Int
    /// Bytes that are granted now.
    package private(set) var granted = 0

    /// - Parameter total: bytes, 0 or more.
    package init(total: Int) {
        self.total = total
    }

    /// Takes bytes for a window that grows.
    ///
    /// - Parameters:
    ///   - wanted: bytes, 0 or more.
    ///   - held: what whoever asks holds already.
    /// - Returns: how many bytes are granted, at most `wanted`.
    package mutating func take(upTo wanted: Int, holding held: Int) -> Int {
        let count = min(wanted, max(0, (total - granted - held) / 2))
        granted += count
        return count
    }

    /// Gives back what can't be filled any more.
    package mutating func giveBack(_ count: Int) {
        assert(count <= granted, "what is given back was taken")
        granted -= count
    }
}
