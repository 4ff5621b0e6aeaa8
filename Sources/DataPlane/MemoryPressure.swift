import EventLoop

/// Whose new calls are refused while memory is short: above three quarters of what may be held, the peer's that holds most;
/// above all of it, everybody's. Who holds most is found by going through all calls, so not for each of them.
package struct MemoryPressure {
    private var heaviest: Peer?
    private var lastLook: (time: MonotonicTime, held: Int)?

    private static let longestBetweenLooks = Duration.milliseconds(100)
    /// The part of the bound by which what is held may change between looks.
    private static let partBetweenLooks = 32

    package init() {}

    /// Where the last quarter begins.
    package static func threshold(of bound: Int) -> Int { bound - bound / 4 }

    /// Whether it has to be found out anew who holds most, before `refuses` is asked.
    package func needsLook(held: Int, bound: Int, now: MonotonicTime) -> Bool {
        guard held > Self.threshold(of: bound), held <= bound else { return false }
        guard let lastLook else { return true }
        return now > lastLook.time + Self.longestBetweenLooks
            || abs(held - lastLook.held) > bound / Self.partBetweenLooks
    }

    package mutating func found(_ heaviest: Peer?, held: Int, now: MonotonicTime) {
        self.heaviest = heaviest
        lastLook = (now, held)
    }

    package func refuses(_ peer: Peer, held: Int, bound: Int) -> Bool {
        held > bound || held > Self.threshold(of: bound) && peer == heaviest
    }
}
