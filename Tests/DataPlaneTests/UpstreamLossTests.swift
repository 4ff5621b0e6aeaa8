import DataPlane
import HTTP2
import Testing

@Suite struct UpstreamLossTests {
    @Test func anUpstreamThatSaysNothingHasNoReason() {
        var loss = UpstreamLoss()
        #expect(loss.reason == nil && !loss.isWorthALine)
        loss.saidGoAway(.noError)
        #expect(loss.reason == nil && !loss.isWorthALine)
        loss.calls += 1
        #expect(loss.isWorthALine)
    }

    @Test func theReasonIsTheLastErrorThatItHasSaid() {
        var loss = UpstreamLoss()
        loss.saidGoAway(.noError)
        loss.saidGoAway(.enhanceYourCalm)
        #expect(loss.reason == "the upstream sent GOAWAY (\(ErrorCode.enhanceYourCalm))" && loss.isWorthALine)
        // Servers announce the end once more as they close.
        loss.saidGoAway(.noError)
        #expect(loss.reason == "the upstream sent GOAWAY (\(ErrorCode.enhanceYourCalm))")
        loss.saidGoAway(.protocolError)
        #expect(loss.reason == "the upstream sent GOAWAY (\(ErrorCode.protocolError))")
    }

    /// Whoever had the newest stream when the upstream ended the connection is the one to ask.
    @Test func remembersTheNewestClientEvenIfItHasLeft() {
        var loss = UpstreamLoss()
        loss.streamBegan(for: 7)
        loss.clientLeaves(6, name: "another")
        #expect(loss.newestClient == 7 && loss.newestClientName == nil)
        loss.clientLeaves(7, name: "the seventh")
        #expect(loss.newestClientName == "the seventh")
        loss.streamBegan(for: 8)
        #expect(loss.newestClient == 8 && loss.newestClientName == nil)
    }
}
