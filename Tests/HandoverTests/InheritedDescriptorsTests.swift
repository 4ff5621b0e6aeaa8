import EventLoop
import Glibc
import Testing

import Handover

@Suite struct InheritedDescriptorsTests {
    private func read(_ environment: [String: String]) throws -> InheritedDescriptors {
        try InheritedDescriptors(environment: { environment[$0] }, processID: 42)
    }

    @Test func nothingIsPassed() throws {
        for environment in [[:], ["LISTEN_FDS": "1", "LISTEN_PID": "41"], ["LISTEN_FDS": "1"]] {
            #expect(try read(environment).takeAll(.managedListen).isEmpty)
        }
    }

    @Test(arguments: ["0", "-1", "two", ""]) func countThatIsNone(given: String) {
        #expect {
            try read(["LISTEN_FDS": given, "LISTEN_PID": "42"])
        } throws: {
            "\($0)".contains("LISTEN_FDS is \"\(given)\"")
        }
    }

    @Test func nameThatIsUnknown() {
        #expect {
            try read(["SLUICE_HANDOVER": "future"])
        } throws: {
            "\($0)".contains("\"future\"")
        }
    }
}
