/// Chooses the endpoint of a color that takes a call.
package enum Placement {
    /// The facts about one endpoint when a call begins.
    package struct Candidate {
        /// Whether the health checks and the worker's own experience let the endpoint have calls.
        package var isHealthy: Bool
        /// Whether the call has already failed to get through to the endpoint.
        package var wasTried: Bool
        /// Number of this worker's calls that are at the endpoint or wait for it.
        package var load: Int

        package init(isHealthy: Bool, wasTried: Bool, load: Int) {
            self.isHealthy = isHealthy
            self.wasTried = wasTried
            self.load = load
        }
    }

    /// Chooses the healthy endpoint with the fewest calls. If no healthy one is left, any endpoint not tried yet will
    /// do: a health check that is wrong about all of them must not stop the service.
    ///
    /// - Parameter start: index at which the search begins, so that equals take turns.
    /// - Returns: an index below `count`, or `nil` if every endpoint was tried.
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
