import DataPlane
import Testing

@Suite struct RouteWordTests {
    @Test(arguments: [
        Route(epoch: 0, active: .green), Route(epoch: 1, active: .blue), Route(epoch: (1 << 62) - 1, active: .green),
    ])
    func holdsARoute(route: Route) throws {
        #expect(try RouteWord(route).load() == route)
        let word = try RouteWord(Route(epoch: 5, active: .blue))
        word.store(route)
        #expect(word.load() == route)
    }

    @Test func namesColors() {
        #expect(Color(name: "blue") == .blue && Color(name: "green") == .green && Color(name: "Blue") == nil)
        #expect(Color.allCases.map(\.other) == [.green, .blue])
        #expect(Color.allCases.map { Color(name: $0.name) } == Color.allCases)
    }
}
