import ControlPlane
import DataPlane
import Synchronization

/// Versions set by a test, of one endpoint a color.
final class FakeVersions: VersionAsking {
    private let words = Mutex<[Color: EndpointVersion.Word]>([:])
    private let questions = Mutex<[ExpectedVersion]>([])

    func set(_ color: Color, _ version: String) {
        words.withLock { $0[color] = .says([version], by: "a test") }
    }

    /// What somebody has asked for.
    var asked: [ExpectedVersion] { questions.withLock { $0 } }

    func versions(of color: Color, expecting expected: ExpectedVersion) async -> ColorVersions {
        questions.withLock { $0.append(expected) }
        let word = words.withLock { $0[color] } ?? .silent([.init(way: "a test", reason: "nothing was set")])
        return ColorVersions(
            color: color,
            endpoints: ColorHealth.sample(color, .healthy).endpoints.map { EndpointVersion($0.endpoint, word) })
    }
}
