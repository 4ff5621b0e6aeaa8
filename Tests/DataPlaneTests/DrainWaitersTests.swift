import DataPlane
import EventLoop
import Synchronization
import Testing

@Suite struct DrainWaitersTests {
    @Test func areToldOnceTheLastCallOfTheirColorAndEpochIsGone() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        let blue = stage.accept()
        stage.settle()
        stage.word.store(Route(epoch: 2, active: .blue))
        stage.call(client)
        stage.settle()
        let told = Mutex<[String]>([])
        stage.worker.wait(1, untilDrained: .green, before: 9) { told.withLock { $0.append("green") } }
        #expect(told.withLock { $0 } == ["green"])
        stage.worker.wait(2, untilDrained: .blue, before: 2) { told.withLock { $0.append("blue 2") } }
        stage.worker.wait(3, untilDrained: .blue, before: 3) { told.withLock { $0.append("blue 3") } }
        blue.fail(blue.openAttempts[0], 8)
        stage.settle()
        #expect(told.withLock { $0 } == ["green", "blue 2"])
        blue.fail(blue.openAttempts[0], 8)
        stage.settle()
        #expect(told.withLock { $0 } == ["green", "blue 2", "blue 3"])
        #expect(stage.journal.violations == [])
    }
}
