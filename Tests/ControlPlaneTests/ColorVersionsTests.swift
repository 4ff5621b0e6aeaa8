import ControlPlane
import DataPlane
import Ground
import Testing

@Suite struct ColorVersionsTests {
    private func mismatch(_ words: EndpointVersion.Word...) throws -> String {
        let endpoints = words.enumerated().map {
            EndpointVersion(Endpoint(host: "10.0.0.1", port: UInt16($0.offset + 1)), $0.element)
        }
        let found = ColorVersions(color: .green, endpoints: endpoints)
        return VersionMismatch(expected: try #require(ExpectedVersion("v2")), found: found).description
    }

    @Test func namesExpectedAndFoundOfEachEndpoint() throws {
        let text = try mismatch(
            .says(["v1"], by: "x.Y/Health"), .says(["2", "3"], by: "the model"),
            .silent([
                .init(way: "A/B", reason: "refused"), .init(way: "C/D", reason: "refused"),
                .init(way: "http:/health", reason: "HTTP status 404"),
            ]))
        #expect(
            text
                == "green is not the expected v2: 10.0.0.1:1 says v1 by x.Y/Health; 10.0.0.1:2 says 2, 3 by the model; "
                + "10.0.0.1:3 doesn't say (A/B, C/D: refused; http:/health: HTTP status 404)")
    }

    @Test func boundsWhatUpstreamsSay() throws {
        let long = String(repeating: "x", count: 10_000)
        let many = [String](repeating: long, count: 1_000)
        #expect(try mismatch(.says(many, by: "a"), .silent([.init(way: "a", reason: long)])).count < 2_500)
    }
}
