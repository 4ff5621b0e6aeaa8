import Proxy
import Testing

struct LiveValueTests {
    @Test func theLastValueIsCurrent() {
        let value = LiveValue(1)
        #expect(value.current == 1)
        value.current = 2
        #expect(value.current == 2)
    }
}
