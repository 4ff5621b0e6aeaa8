import ControlPlane
import DataPlane
import Synchronization
import TestSupport
import Testing

@Suite struct SwitchboardTests {
    @Test func changesEverythingThatSaysWhatIsActive() async throws {
        let bench = try SwitchboardBench()
        bench.traffic.answer(inFlight: [
            [
                .init(epoch: 1, color: .blue, calls: 3), .init(epoch: 2, color: .green, calls: 5),
                .init(epoch: 1, color: .green, calls: 7),
            ]
        ])
        let receipt = try await bench.change(.toggle)
        #expect(receipt.outcome == .changed)
        #expect(receipt.change.epoch == 2)
        #expect(receipt.change.to == .green)
        #expect(receipt.health == .sample(.green, .healthy))
        #expect(receipt.inFlight == 3)
        #expect(receipt.auditError == nil)
        #expect(bench.route.load() == Route(epoch: 2, active: .green))
        #expect(bench.switchboard.state.current == receipt.change)
        #expect(try bench.store.load() == bench.switchboard.state)
        #expect(bench.auditLines.count == 1)
        #expect(bench.auditLines[0].contains(#""outcome":"changed""#))
        #expect(bench.health.waitedFor == [.green])
    }

    @Test func asksTheWorkersOnlyAfterTheSwap() async throws {
        let route = Mutex<RouteWord?>(nil)
        let seen = Mutex<[Route]>([])
        let traffic = FakeTraffic(onReport: {
            if let now = route.withLock({ $0?.load() }) { seen.withLock { $0.append(now) } }
        })
        let bench = try SwitchboardBench(traffic: traffic)
        route.withLock { $0 = bench.route }
        _ = try await bench.change(.toggle)
        #expect(seen.withLock { $0 } == [Route(epoch: 2, active: .green)])
    }

    @Test func switchingToTheActiveColorChangesNothing() async throws {
        let bench = try SwitchboardBench()
        let receipt = try await bench.change(.switchTo(.blue))
        #expect(receipt.outcome == .unchanged)
        #expect(receipt.change.epoch == 1)
        #expect(bench.route.load() == Route(epoch: 1, active: .blue))
        #expect(bench.auditLines.count == 1)
        #expect(bench.auditLines[0].contains(#""outcome":"unchanged""#))
    }

    @Test func goesBackAndForth() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.change(.switchTo(.green))
        let back = try await bench.change(.rollback)
        #expect(back.change.action == .rollback)
        #expect(back.change.to == .blue)
        #expect(back.change.epoch == 3)
        let again = try await bench.change(.rollback)
        #expect(again.change.to == .green)
        #expect(bench.switchboard.state.history.map(\.epoch) == [4, 3, 2, 1])
        #expect(
            bench.switchboard.changeCounts == [
                .init(action: .switch, outcome: .changed): 1, .init(action: .rollback, outcome: .changed): 2,
            ])
    }

    @Test func refusesAnUnhealthyColorAndAuditsIt() async throws {
        let bench = try SwitchboardBench(health: FakeHealth(green: .unhealthy))
        await #expect(throws: ChangeRefusal.targetNotHealthy(.sample(.green, .unhealthy))) {
            try await bench.change(.toggle)
        }
        #expect(bench.route.load() == Route(epoch: 1, active: .blue))
        #expect(bench.auditLines.count == 1)
        #expect(bench.auditLines[0].contains(#""outcome":"refused""#))
        #expect(bench.auditLines[0].contains("127.0.0.1:50052 grpc: connection refused"))
        #expect(bench.switchboard.changeCounts == [.init(action: .switch, outcome: .refused): 1])
    }

    @Test func forceDoesNotWaitForHealth() async throws {
        let bench = try SwitchboardBench(health: FakeHealth(green: .unknown))
        let request = ChangeRequest(.toggle, force: true, reason: "why", who: "someone")
        let receipt = try await bench.switchboard.change(request)
        #expect(receipt.change.forced)
        #expect(bench.health.waitedFor == [])
    }

    @Test func changesNothingWhenTheStateCannotBeSaved() async throws {
        let bench = try SwitchboardBench()
        bench.folder.adopt(TemporaryFolder(), as: "state.json.tmp")
        let path = bench.folder.file("state.json.tmp")
        await #expect(throws: ChangeRefusal.stateNotSaved(reason: "cannot remove \(path): is a directory")) {
            try await bench.change(.toggle)
        }
        #expect(bench.route.load() == Route(epoch: 1, active: .blue))
        #expect(bench.switchboard.state.epoch == 1)
        #expect(try bench.store.load()?.epoch == 1)
        #expect(bench.auditLines.count == 1)
        #expect(bench.auditLines[0].contains(#""outcome":"refused""#))
    }

    @Test func aFullAuditLogDoesNotStopARollback() async throws {
        let bench = try SwitchboardBench(audit: "/dev/full")
        _ = try await bench.change(.toggle)
        let receipt = try await bench.change(.rollback)
        #expect(receipt.outcome == .changed)
        #expect(receipt.auditError == "cannot write /dev/full: no space left on device")
        #expect(bench.route.load() == Route(epoch: 3, active: .blue))
    }

    @Test func aTrialChangesNothing() async throws {
        let bench = try SwitchboardBench()
        let receipt = try await bench.switchboard.trial(ChangeRequest(.toggle, who: "someone"))
        #expect(receipt.outcome == .wouldChange)
        #expect(receipt.change.epoch == 2)
        #expect(bench.route.load() == Route(epoch: 1, active: .blue))
        #expect(bench.switchboard.state.epoch == 1)
        #expect(bench.auditLines == [])
        bench.health.set(.green, .unhealthy)
        await #expect(throws: ChangeRefusal.targetNotHealthy(.sample(.green, .unhealthy))) {
            try await bench.switchboard.trial(ChangeRequest(.toggle, who: "someone"))
        }
        #expect(bench.auditLines == [])
    }

    @Test func makesConcurrentChangesOneAfterTheOther() async throws {
        let bench = try SwitchboardBench()
        let receipts = try await withThrowingTaskGroup(of: ChangeReceipt.self) { group in
            for _ in 0..<100 { group.addTask { try await bench.change(.toggle) } }
            var receipts: [ChangeReceipt] = []
            for try await receipt in group { receipts.append(receipt) }
            return receipts.sorted { $0.change.epoch < $1.change.epoch }
        }
        #expect(receipts.map(\.change.epoch) == Array(2...101))
        for (earlier, later) in zip(receipts, receipts.dropFirst()) {
            #expect(later.change.from == earlier.change.to)
        }
        #expect(bench.route.load() == Route(epoch: 101, active: .blue))
        #expect(try bench.store.load() == bench.switchboard.state)
        #expect(bench.auditLines.count == 100)
        for (line, epoch) in zip(bench.auditLines, 2...101) { #expect(line.contains("\"epoch\":\(epoch),")) }
    }

    @Test func aConditionLetsOneOfManyChangesThrough() async throws {
        let bench = try SwitchboardBench()
        let request = ChangeRequest(.toggle, condition: .epochs([1]), who: "someone")
        let outcomes = await withTaskGroup(of: Result<ChangeReceipt, ChangeRefusal>.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    do throws(ChangeRefusal) {
                        return .success(try await bench.switchboard.change(request))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let refusals = outcomes.compactMap { outcome -> ChangeRefusal? in
            guard case .failure(let refusal) = outcome else { return nil }
            return refusal
        }
        #expect(refusals == Array(repeating: .epochMismatch(actual: 2), count: 49))
        #expect(bench.switchboard.state.epoch == 2)
    }
}
