/// The process's resources, and how it ends.
package struct ProcessSettings: SettingGroup {
    package static let title = "The process"

    package let workers = Setting(
        "workers", \.workers, .count(in: 1...1024), standardInWords: "the processors that the process may use",
        help: "The number of threads that forward calls.")
    package let busyPoll = Setting(
        "busy-poll", \.busyPoll, .durationOrOff(in: .milliseconds(1) ... .seconds(60)),
        help: """
            How long a thread that forwards calls waits for more without sleeping: calls that come one at a time are \
            answered sooner, but each thread occupies a processor while they come.
            """)
    package let shutdownGrace = Setting(
        "shutdown-grace", \.shutdownGrace, .duration(in: .zero ... .seconds(86_400)), isLive: true,
        help: "How long calls may take to finish when the process ends.")
    package let restartGrace = Setting(
        "restart-grace", \.restartGrace, .durationOrOff(in: .zero ... .seconds(604_800)), isLive: true,
        help: """
            How long calls may take to finish in a process after another has taken over from it, at SIGUSR2. With off \
            they stay as long as they like.
            """)

    package let handoverSocket = Setting(
        "handover-socket", \.handoverSocket, .socketPath,
        help: """
            A Unix socket at which a Proxy that serves waits for a new one of the same user: a Proxy that is started with \
            the same path takes over from it, as at SIGUSR2, even from another container that shares the folder. Where \
            nobody listens, the start is an ordinary one.
            """)

    package init() {}
}
