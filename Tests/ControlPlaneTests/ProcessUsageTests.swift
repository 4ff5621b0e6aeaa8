import ControlPlane
import Testing

@Suite struct ProcessUsageTests {
    @Test func readsThisProcess() throws {
        let usage = try #require(ProcessUsage.read())
        #expect(usage.residentBytes > 1 << 20)
        #expect(usage.residentBytes < 1 << 36)
        #expect(usage.openDescriptors >= 3)
        #expect(usage.descriptorLimit >= usage.openDescriptors)
        #expect(usage.threads >= 1)
        var work = 0
        let start = ContinuousClock.now
        while start.duration(to: .now) < .milliseconds(100) { work &+= 1 }
        #expect(work > 0)
        #expect(try #require(ProcessUsage.read()).cpuSeconds > usage.cpuSeconds)
    }
}
