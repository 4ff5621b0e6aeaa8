import HTTP1
import NIOCore
import Testing

@Suite struct ConnectionRoomTests {
    private var room = ConnectionRoom<Int>(size: 3, reserve: 2)

    private func at(_ seconds: UInt64) -> NIODeadline { .uptimeNanoseconds(seconds * 1_000_000_000) }

    private func filled(_ phases: [ConnectionRoom<Int>.Phase]) -> ConnectionRoom<Int> {
        var room = ConnectionRoom<Int>(size: phases.count, reserve: 2)
        for (key, phase) in phases.enumerated() {
            _ = room.admit(key, now: at(0))
            room.enter(phase, key, now: at(UInt64(key)))
        }
        return room
    }

    @Test func admitsAsManyAsThereArePlaces() {
        var room = room
        for key in 0..<3 { #expect(room.admit(key, now: at(0)) == .admitted(reserved: false, closing: nil)) }
        #expect(room.count == 3)
        room.remove(1)
        #expect(room.admit(3, now: at(1)) == .admitted(reserved: false, closing: nil))
    }

    @Test func theLongestUnfinishedRequestMakesRoom() {
        var room = filled([.idle, .answering, .unfinished, .leaving])
        #expect(room.admit(10, now: at(9)) == .admitted(reserved: false, closing: 2))
        #expect(room.admit(11, now: at(10)) == .admitted(reserved: false, closing: 3))
        #expect(room.admit(12, now: at(12)) == .admitted(reserved: false, closing: 10))
        #expect(room.count == 4)
    }

    /// A connection that is idle between requests makes room before one that has just come.
    @Test func theLongestIdleMakesRoomBeforeANewcomer() {
        var room = filled([.idle, .idle, .answering])
        #expect(room.admit(10, now: at(9)) == .admitted(reserved: false, closing: 0))
        #expect(room.admit(11, now: at(9)) == .admitted(reserved: false, closing: 1))
        // No other connection is left, so the one that came first goes.
        #expect(room.admit(12, now: .uptimeNanoseconds(9_500_000_000)) != .refused)
        room.enter(.idle, 12, now: at(10))
        room.enter(.unfinished, 11, now: at(10))
        room.enter(.unfinished, 10, now: at(10))
        #expect(room.admit(13, now: at(10)) == .admitted(reserved: false, closing: 12))
    }

    @Test func theReserveIsUsedOnlyWhenAllAreBeingAnswered() {
        var room = filled([.answering, .answering, .answering])
        #expect(room.admit(10, now: at(5)) == .admitted(reserved: true, closing: nil))
        #expect(room.admit(11, now: at(6)) == .admitted(reserved: true, closing: nil))
        #expect(room.admit(12, now: at(7)) == .admitted(reserved: true, closing: 10))
        room.enter(.answering, 11, now: at(8))
        room.enter(.answering, 12, now: at(8))
        #expect(room.admit(13, now: at(9)) == .refused)
        room.remove(11)
        #expect(room.admit(13, now: at(9)) == .admitted(reserved: true, closing: nil))
        // A free place isn't one of the reserve.
        room.remove(0)
        #expect(room.admit(14, now: at(9)) == .admitted(reserved: false, closing: nil))
        #expect(room.count == 5)
    }

    @Test func closedConnectionsAreForgotten() {
        var room = filled([.unfinished])
        #expect(room.admit(1, now: at(1)) == .admitted(reserved: false, closing: 0))
        room.enter(.idle, 0, now: at(2))
        room.remove(0)
        #expect(room.count == 1)
    }
}
