import Asking
import DataPlane
import Ground
import HealthCheck

/// Asks endpoints for their version in every way that they might answer, all at once: so nothing has to be remembered of
/// an endpoint that may be another kind of server by the next time.
package struct VersionInquiry: VersionAsking {
    /// The time that all endpoints together have.
    package static let patience = Duration.seconds(3)
    private static let userAgent = "sluice-version"

    private let asker: Asker
    private let configuration: @Sendable () async -> HealthMonitor.Configuration

    /// - Parameter configuration: the endpoints, and the checks in force.
    package init(_ asker: Asker, _ configuration: @escaping @Sendable () async -> HealthMonitor.Configuration) {
        self.asker = asker
        self.configuration = configuration
    }

    package func versions(of color: Color, expecting expected: ExpectedVersion) async -> ColorVersions {
        let configuration = await configuration()
        let ways = VersionWay.all(for: expected, configuration.checks)
        let endpoints = configuration.endpoints[color]
        let words = await withTaskGroup(of: (Int, EndpointVersion.Word).self) { group in
            for (index, endpoint) in endpoints.enumerated() {
                group.addTask { (index, await word(of: endpoint, ways)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        return ColorVersions(
            color: color,
            endpoints: endpoints.indices.map { EndpointVersion(endpoints[$0], words[$0] ?? .silent([])) })
    }

    private func word(of endpoint: Endpoint, _ ways: [VersionWay]) async -> EndpointVersion.Word {
        // Not a group: once a call has told, nobody waits for a page.
        let pages = ways.filter { $0.call == nil }.map { way in (way, Task { await read(way, of: endpoint) }) }
        let calls = ways.filter { $0.call != nil }
        let answers = await asker.make(calls.compactMap(\.call), with: contact(endpoint))
        var silences: [EndpointVersion.Silence] = []
        for way in ways {
            let reading: VersionWay.Reading
            if let index = calls.firstIndex(of: way) {
                reading = way.reading(answers[index])
            } else if let (_, page) = pages.first(where: { $0.0 == way }) {
                reading = await page.value
            } else {
                continue
            }
            switch reading {
            case .versions(let versions): return .says(versions, by: way.description)
            case .nothing(let reason): silences.append(.init(way: way.description, reason: reason))
            }
        }
        return .silent(silences)
    }

    private func read(_ way: VersionWay, of endpoint: Endpoint) async -> VersionWay.Reading {
        guard case .page(let path, let port) = way else { return .nothing(reason: "it is no page") }
        guard port == nil || endpoint.unixPath == nil else { return .nothing(reason: "a Unix socket has no ports") }
        let place = Endpoint(host: endpoint.host, port: port ?? endpoint.port)
        return way.reading(await asker.get(path, largestBody: VersionWay.largestAnswer, with: contact(place)))
    }

    private func contact(_ place: Endpoint) -> Contact {
        Contact(place, tls: asker.tls, within: Self.patience, userAgent: Self.userAgent)
    }
}
