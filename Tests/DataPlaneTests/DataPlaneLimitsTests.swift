import Connections
import DataPlane
import Testing

@Suite struct DataPlaneLimitsTests {
    @Test func windowsGrowByAQuarterOfWhatAWorkerMayHold() {
        var limits = DataPlaneLimits()
        limits.maxBufferedBytes = 40 << 20
        #expect(limits.windowBudget == 10 << 20)
        #expect(limits.mostGrownWindows == 3 * limits.connectionWindow)
    }

    @Test func aConnectionsLimitsAreReachedByName() {
        var limits = DataPlaneLimits()
        limits.maxConnections = 7
        #expect(limits.connections.maxConnections == 7)
    }
}
