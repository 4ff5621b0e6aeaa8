/// What the process has to work with, and how it ends.
package struct ProcessSettings: SettingGroup {
    package static let title = "The process"

    package let workers = Setting(
        "workers", \.workers, .count(in: 1...1024), standardInWords: "the processors that the process may use",
        help: "Threads that forward calls.")
    package let busyPoll = Setting(
        "busy-poll", \.busyPoll, .durationOrOff(in: .milliseconds(1) ... .seconds(60)),
        help: """
            How long a thread that forwards calls waits for more without sleeping: calls that come one at a time are \
            answered sooner, for a processor of its own as long as they come.
            """)
    package let shutdownGrace = Setting(
        "shutdown-grace", \.shutdownGrace, .duration(in: .zero ... .seconds(86_400)), isLive: true,
        help: "How long calls may take to finish at the end.")
    package let restartGrace = Setting(
        "restart-grace", \.restartGrace, .durationOrOff(in: .zero ... .seconds(604_800)), isLive: true,
        help: """
            How long calls may take to finish in a process that another has taken over from, at SIGUSR2; with off as long \
            as they like.
            """)

    package init() {}
}
