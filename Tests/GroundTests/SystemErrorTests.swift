import Glibc
import Ground
import Testing

@Suite struct SystemErrorTests {
    @Test func saysWhatFailedAndWhy() {
        let error = SystemError(operation: "cannot open x", code: ENOENT)
        #expect(error.description == "cannot open x: no such file or directory")
        #expect(SystemError(operation: "", code: 9_999).reason == "error 9999")
    }

    @Test func callsAgainAfterASignal() {
        var calls = 0
        let result = retrying { () -> Int in
            calls += 1
            errno = calls < 3 ? EINTR : EAGAIN
            return -1
        }
        #expect((result, calls) == (-1, 3))
        #expect(retrying { () -> Int32 in 7 } == 7)
    }
}
