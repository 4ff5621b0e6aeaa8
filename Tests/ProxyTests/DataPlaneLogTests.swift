import Connections
import DataPlane
import LogRecords
import Logging
import Proxy
import Testing

@Suite struct DataPlaneLogTests {
    private let records = LogRecords()

    @Test func writesEachEventWithItsLevelAndDetails() async {
        let log = DataPlaneLog(logger: records.logger)
        log.take(NotableEvent(.info, "one", [("a", "first"), ("b", "2"), ("a", "last")]))
        log.take(NotableEvent(.warning, "two"))
        log.take(NotableEvent(.error, "three"))
        log.finish()
        await log.write()
        #expect(records.messages == ["one", "two", "three"])
        #expect(records.all.map(\.level) == [.info, .warning, .error])
        #expect(records.all.first?.metadata == ["a": "last", "b": "2"])
    }

    /// Nobody writes meanwhile: the newest stay, and the others are counted.
    @Test func keepsTheNewestAndCountsTheLost() async {
        let log = DataPlaneLog(logger: records.logger)
        let count = DataPlaneLog.capacity + 5
        for number in 0..<count { log.take(NotableEvent(.info, "\(number)")) }
        log.finish()
        await log.write()
        let (first, rest) = (records.all.first, records.messages.dropFirst())
        #expect(first?.message == "events were lost")
        #expect(first?.metadata == ["count": "5"])
        #expect(Array(rest) == (5..<count).map(String.init))
    }
}
