import Asking
import Comparison
import FoundationEssentials
import Ground
import Testing

/// Server reflection with a real server, which `Tests/EndToEnd/test_reflection.py` starts and names.
@Suite struct LiveReflectionTests {
    private static let server = ProcessInfo.processInfo.environment["SLUICE_REFLECTION_SERVER"].flatMap { HostPort($0) }
    /// The methods that it has, separated by commas.
    private static let methods = ProcessInfo.processInfo.environment["SLUICE_REFLECTION_METHODS"]
    /// What the failure has to say, where there has to be one.
    private static let failure = ProcessInfo.processInfo.environment["SLUICE_REFLECTION_FAILURE"]

    @Test(.enabled(if: server != nil)) func readsTheDescriptorsOfAServer() async throws {
        let asker = try Asker()
        defer { asker.stop() }
        let server = try #require(Self.server)
        let reflection = DescriptorReflection(asker)
        if let expected = Self.failure {
            let failure = await #expect(throws: DescriptorReflection.Failure.self) {
                try await reflection.descriptorSet(of: server)
            }
            let text = failure?.description ?? ""
            #expect(text.hasPrefix("\(server) doesn't tell its services' descriptors by server reflection: "))
            #expect(text.contains(expected))
            return
        }
        let descriptors = try Descriptors(fileDescriptorSet: try await reflection.descriptorSet(of: server))
        for method in try #require(Self.methods).split(separator: ",") {
            #expect(descriptors.knows(String(method)), "\(method)")
        }
    }
}
