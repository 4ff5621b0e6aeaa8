import EventLoop
import Testing

import Handover

@Suite struct SuccessorTests {
    private func failure(of program: String, _ arguments: [String] = []) async -> String {
        do {
            let successor = try Successor.start(
                program: program, arguments: [program] + arguments, environment: [:], passing: [])
            do {
                try await successor.prepared(within: .seconds(120))
                return "prepared"
            } catch {
                await successor.giveUp("test")
                throw error
            }
        } catch {
            return "\(error)"
        }
    }

    @Test func programThatIsNotThere() async {
        #expect(await failure(of: "/nowhere/Proxy") == "/nowhere/Proxy can't be started: no such file or directory")
    }

    @Test func programThatEnds() async {
        #expect(
            await failure(of: "/bin/sh", ["-c", "exit 3"])
                == "the new process ended before it was ready (exit status 3)")
    }

    @Test func programThatIsKilled() async {
        #expect(
            await failure(of: "/bin/sh", ["-c", "kill -9 $$"])
                == "the new process ended before it was ready (signal 9)")
    }

    @Test func programThatSaysNothing() async throws {
        let successor = try Successor.start(
            program: "/bin/sleep", arguments: ["sleep", "60"], environment: [:], passing: [])
        await #expect {
            try await successor.prepared(within: .milliseconds(50))
        } throws: {
            "\($0)".hasPrefix("the new process did not come up within")
        }
        await successor.giveUp("test")
    }

    /// The failure when the new process says `message` and then stays alive.
    private func failure(saying message: String) async -> String {
        await failure(of: "/bin/sh", ["-c", "printf '%s' '\(message)' >&3; sleep 20"])
    }

    @Test func versionOfTheHandover() async {
        #expect(await failure(saying: #"{"prepared":{"version":\#(SuccessorMessage.version)}}"#) == "prepared")
        for version in [-1, 0, 1, 99] {
            #expect(
                await failure(saying: #"{"prepared":{"version":\#(version)}}"#)
                    == "it speaks version \(version) of the handover, this process version \(SuccessorMessage.version): restart it instead"
            )
        }
        #expect(
            await failure(saying: #"{"prepared":{}}"#)
                == "the new process said something that this one doesn't understand")
    }

    @Test func descriptorsComeInOrder() async throws {
        let (one, other) = try HandoverChannel.pair()
        // The names are in the order of the numbers, the line comes last, and nothing else is open.
        let script = "[ \"$SLUICE_HANDOVER\" = route:lock:handover ] && [ -e /proc/$$/fd/5 ] && [ ! -e /proc/$$/fd/6 ]"
        let successor = try Successor.start(
            program: "/bin/sh", arguments: ["sh", "-c", script], environment: [:],
            passing: [(.route, one), (.lock, other)])
        await #expect {
            try await successor.prepared(within: .seconds(120))
        } throws: {
            "\($0)".hasSuffix("(exit status 0)")
        }
    }
}
