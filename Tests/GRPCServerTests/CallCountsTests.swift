import GRPCServer
import Ground
import TestSupport
import Testing

@Suite struct CallCountsTests {
    @Test func countsByMethodAndStatus() {
        var (one, other) = (CallCounts(methods: 2), CallCounts(methods: 2))
        one.add(0, .ok)
        one.add(1, .unauthenticated)
        other.add(0, .ok)
        other.add(nil, .unimplemented)
        one += other
        #expect(one[0, .ok] == 2 && one[1, .unauthenticated] == 1 && one[nil, .unimplemented] == 1)
        #expect(one[1, .ok] == 0 && one[nil, .ok] == 0)
    }
}
