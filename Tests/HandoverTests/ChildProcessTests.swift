import Glibc
import Testing

import Handover

@Suite struct ChildProcessTests {
    private func child(_ script: String) throws -> ChildProcess {
        var processID: pid_t = 0
        let arguments: [String] = ["sh", "-c", script]
        var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
        defer { for index in arguments.indices { unsafe free(pointers[index]) } }
        let code = unsafe posix_spawn(&processID, "/bin/sh", nil, nil, &pointers, nil)
        try #require(code == 0)
        return ChildProcess(processID)
    }

    private func end(of child: ChildProcess) async throws -> Int32 {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if let status = child.endStatus { return status }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw CancellationError()
    }

    @Test func theStatusIsCollectedOnceAndKept() async throws {
        let child = try child("exit 3")
        #expect(ChildProcess.text(ofStatus: try await end(of: child)) == "exit status 3")
        #expect(ChildProcess.text(ofStatus: try #require(child.endStatus)) == "exit status 3")
        // By now, its number may be another process's: nothing is killed.
        child.kill()
    }

    @Test func isKilled() async throws {
        let child = try child("exec sleep 60")
        #expect(child.endStatus == nil)
        child.kill()
        #expect(ChildProcess.text(ofStatus: try await end(of: child)) == "signal 9")
    }
}
