import DataPlane
import Testing

@Suite struct DestinationTests {
    @Test func onlyWhatWasAskedForBelongsToNoChange() {
        func isAskedFor(_ reason: Destination.Reason) -> Bool {
            Destination(epoch: 1, color: .blue, reason: reason).isAskedFor
        }
        #expect(!isAskedFor(.active) && !isAskedFor(.failover))
        #expect(isAskedFor(.preview) && isAskedFor(.metadata))
    }

    @Test(arguments: Color.allCases) func namesAColor(active: Color) {
        func color(_ name: String) -> Color? { ColorName(Array(name.utf8))?.color(active: active) }
        #expect(color("blue") == .blue && color("green") == .green)
        #expect(color("active") == active && color("idle") == active.other)
    }

    @Test(arguments: ["", "Blue", "blue ", "red", "idle\0", "activeactiveactive"]) func othersAreNoColors(name: String)
    {
        #expect(ColorName(Array(name.utf8)) == nil)
    }
}
