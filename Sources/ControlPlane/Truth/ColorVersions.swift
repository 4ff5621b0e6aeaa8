import DataPlane
import JSONText

/// What the endpoints of a color say of their version.
package struct ColorVersions: Sendable, Equatable {
    package var color: Color
    /// In the order of the settings; empty if they weren't asked.
    package var endpoints: [EndpointVersion]

    package init(color: Color, endpoints: [EndpointVersion]) {
        self.color = color
        self.endpoints = endpoints
    }

    /// Whether every endpoint says that it is what is expected.
    package func fit(_ expected: ExpectedVersion) -> Bool {
        !endpoints.isEmpty && endpoints.allSatisfy { $0.word.fits(expected) }
    }
}

/// What an endpoint says of its version.
package struct EndpointVersion: Sendable, Equatable {
    package enum Word: Sendable, Equatable {
        /// The versions that it has, usually one, and who of it has said so.
        case says([String], by: String)
        /// Nothing; why each way of asking came to nothing.
        case silent([Silence])
    }

    /// Why a way of asking came to nothing.
    package struct Silence: Sendable, Equatable {
        package var way: String
        package var reason: String

        package init(way: String, reason: String) {
            self.way = way
            self.reason = reason
        }
    }

    package var endpoint: Endpoint
    package var word: Word

    package init(_ endpoint: Endpoint, _ word: Word) {
        self.endpoint = endpoint
        self.word = word
    }
}

extension EndpointVersion.Word: CustomStringConvertible {
    func fits(_ expected: ExpectedVersion) -> Bool {
        if case .says(let versions, _) = self { versions.contains(expected.version) } else { false }
    }

    /// An upstream has written parts of it, so each is shortened.
    package var description: String {
        switch self {
        case .says(let versions, let way):
            return "says \(shortened(versions, to: 8).joined(separator: ", ")) by \(way)"
        case .silent(let silences):
            // What is wrong with a connection is wrong with all that is asked over it.
            var groups: [(ways: [String], reason: String)] = []
            for silence in silences {
                if groups.last?.reason == silence.reason {
                    groups[groups.count - 1].ways.append(silence.way)
                } else {
                    groups.append(([silence.way], silence.reason))
                }
            }
            let texts = groups.map { "\($0.ways.joined(separator: ", ")): \(shortened($0.reason))" }
            return "doesn't say (\(texts.joined(separator: "; ")))"
        }
    }
}

/// A color isn't the version that it has to be, or doesn't say so.
package struct VersionMismatch: Sendable, Equatable, CustomStringConvertible {
    package var expected: ExpectedVersion
    package var found: ColorVersions

    package init(expected: ExpectedVersion, found: ColorVersions) {
        self.expected = expected
        self.found = found
    }

    package var description: String {
        let endpoints = found.endpoints.map { "\($0.endpoint) \($0.word)" }
        return "\(found.color) is not the expected \(expected): "
            + (endpoints.isEmpty
                ? "it was not asked, as another change came in between" : endpoints.joined(separator: "; "))
    }
}
