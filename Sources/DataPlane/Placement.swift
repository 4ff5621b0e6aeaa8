/// Which of a color's endpoints takes a call.
package enum Placement {
    /// What is known of one endpoint as a call begins.
    package struct Candidate {
        package var isHealthy: Bool
        /// The call has failed to get through to it already.
        package var wasTried: Bool
        /// Calls this worker has there, or waiting for it.
        package var load: Int

        package init(isHealthy: Bool, wasTried: Bool, load: Int) {
            self.isHealthy = isHealthy
            self.wasTried = wasTried
            self.load = load
        }
    }

    /// The healthy endpoint with the fewest calls. Where no healthy one is left, any one not tried yet will do: a health
    /// check that is wrong about all of them must not stop the service.
    ///
    /// - Parameter start: where to begin to look, so that equals take turns.
    /// - Returns: an index below `count`, or `nil` where every endpoint was tried.
    package static func choose(count: Int, startingAt start: Int, candidate: (Int) -> Candidate) -> Int? {
        if count == 1 { return candidate(0).wasTried ? nil : 0 }
        var best: (index: Int, candidate: Candidate)?
        for offset in 0..<count {
            let index = (start + offset) % count
            let candidate = candidate(index)
            if candidate.wasTried { continue }
            if let best, !isBetter(candidate, than: best.candidate) { continue }
            best = (index, candidate)
        }
        return best?.index
    }

    private static func isBetter(_ candidate: Candidate, than best: Candidate) -> Bool {
        candidate.isHealthy == best.isHealthy ? candidate.load < best.load : candidate.isHealthy
    }
}
