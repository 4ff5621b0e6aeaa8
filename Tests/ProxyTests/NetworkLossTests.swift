import Proxy
import Testing

@Suite struct NetworkLossTests {
    /// What each look says, by the second at which it is taken.
    private func looks(
        startingWith interfaces: [String], _ looks: [(second: Int, interfaces: [String]?)]
    ) -> [Bool] {
        let start = ContinuousClock.now
        var loss = NetworkLoss(interfaces: interfaces)
        return looks.map { loss.look($0.interfaces, at: start + .seconds($0.second)) }
    }

    @Test func isKnownOnceTheInterfacesAreGoneForGood() {
        let seen = looks(
            startingWith: ["lo", "eth0"], [(0, ["lo", "eth0"]), (2, ["lo"]), (11, ["lo"]), (12, ["lo"]), (14, [])])
        #expect(seen == [false, false, false, true, true])
    }

    @Test func isForgottenIfTheyComeBack() {
        let seen = looks(
            startingWith: ["eth0"], [(0, ["lo"]), (9, ["lo", "eth1"]), (10, ["lo"]), (19, ["lo"]), (20, ["lo"])])
        #expect(seen == [false, false, false, false, true])
    }

    @Test func whatCanNotBeKnownIsNoLoss() {
        #expect(looks(startingWith: ["lo", "eth0"], [(0, nil), (20, nil), (40, nil)]) == [false, false, false])
    }

    /// As a container without a network, or a test in a namespace of its own.
    @Test func whoHasNoNetworkLosesNone() {
        #expect(looks(startingWith: ["lo"], [(0, ["lo"]), (20, ["lo"]), (40, [])]) == [false, false, false])
    }
}
