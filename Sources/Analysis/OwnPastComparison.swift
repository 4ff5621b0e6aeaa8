/// The tests where a method has so few keys that drawing them can decide nothing: each of the new color's keys against
/// its own past.
///
/// In a canary the keys that stay on the old color show what happens to everybody. So a key's calls must be worse than
/// its past and worse than what the old color serves at the same time: the smaller evidence of the two holds while
/// either comparison is fair. Each key is a test of its own.
package struct OwnPastComparison: Sendable {
    /// The most keys for which this is judged. With more of them one key alone never decides.
    package static let mostKeys = 20

    let past: PastComparison

    /// The logarithm of the strongest key's evidence; nil where there is none.
    ///
    /// - Parameter control: what the old color serves meanwhile; nil after a switch.
    func evidence(_ signal: Signal, keys: [KeyCounts], control: SideCounts?) -> Double? {
        keys.lazy.filter { $0.side == .new && $0.counts.calls > 0 }.map { key in
            let own = past.evidence(signal, new: key.counts, past: key.past)
            // Nothing against its past is nothing.
            guard let control, own > 0 else { return own }
            return min(own, past.evidence(signal, new: key.counts, past: control))
        }.max()
    }
}
