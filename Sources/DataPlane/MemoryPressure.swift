import Connections
import EventLoop

/// Decides whose new calls are refused while memory is short: above three quarters of the bound, those of the peer that
/// holds the most; above the bound, everybody's. Finding that peer goes through all calls, so it isn't done for each of
/// them.
package struct MemoryPressure {
    private var heaviest: Peer?
    private var lastLook: (time: MonotonicTime, held: Int)?

    private static let longestBetweenLooks = Duration.milliseconds(100)
    /// The part of the bound by which the memory held may change between looks.
    private static let partBetweenLooks = 32

    package init() {}

    /// Bytes at which the last quarter of the bound begins.
    package static func threshold(of bound: Int) -> Int { bound - bound / 4 }

    /// Whether the peer that holds the most must be found anew, before `refuses` is asked.
    package func needsLook(held: Int, bound: Int, now: MonotonicTime) -> Bool {
        guard held > Self.threshold(of: bound), held <= bound else { return false }
        guard let lastLook else { return true }
        return now > lastLook.time + Self.longestBetweenLooks
            || abs(held - lastLook.held) > bound / Self.partBetweenLooks
    }

    /// Records the peer that holds the most.
    ///
    /// - Parameters:
    ///   - heaviest: that peer; `nil` if no peer holds anything.
    ///   - held: bytes that all calls hold together.
    package mutating func found(_ heaviest: Peer?, held: Int, now: MonotonicTime) {
        self.heaviest = heaviest
        lastLook = (now, held)
    }

    /// Whether a peer's new call is refused.
    ///
    /// - Parameters:
    ///   - held: bytes that all calls hold together.
    ///   - bound: the most that they may hold, in bytes.
    package func refuses(_ peer: Peer, held: Int, bound: Int) -> Bool {
        held > bound || held > Self.threshold(of: bound) && peer == heaviest
    }
}
