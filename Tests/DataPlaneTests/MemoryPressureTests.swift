import Connections
import DataPlane
import EventLoop
import Testing

@Suite struct MemoryPressureTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)
    private let heavy = Peer.ipv4(1)
    private let light = Peer.ipv4(2)
    private let bound = 3_200

    @Test func refusesNobodyBelowThreeQuarters() {
        var pressure = MemoryPressure()
        #expect(!pressure.needsLook(held: 2_400, bound: bound, now: start))
        pressure.found(heavy, held: 2_401, now: start)
        #expect(!pressure.refuses(heavy, held: 2_400, bound: bound))
    }

    @Test func refusesTheHeaviestPeerAboveThat() {
        var pressure = MemoryPressure()
        #expect(pressure.needsLook(held: 2_401, bound: bound, now: start))
        pressure.found(heavy, held: 2_401, now: start)
        #expect(pressure.refuses(heavy, held: 2_401, bound: bound))
        #expect(!pressure.refuses(light, held: 3_200, bound: bound))
    }

    @Test func refusesEverybodyBeyondTheBound() {
        let pressure = MemoryPressure()
        #expect(!pressure.needsLook(held: 3_201, bound: bound, now: start))
        #expect(pressure.refuses(light, held: 3_201, bound: bound))
    }

    @Test func looksAgainAfterAWhileOrWhenMuchHasChanged() {
        var pressure = MemoryPressure()
        pressure.found(heavy, held: 2_500, now: start)
        #expect(!pressure.needsLook(held: 2_600, bound: bound, now: start + .milliseconds(100)))
        #expect(pressure.needsLook(held: 2_600, bound: bound, now: start + .milliseconds(101)))
        #expect(pressure.needsLook(held: 2_601, bound: bound, now: start))
        #expect(pressure.needsLook(held: 2_401, bound: bound + 1, now: start) == false)
    }
}
