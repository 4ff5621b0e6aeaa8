/// How endpoints' health is checked.
package struct HealthSettings: SettingGroup {
    package static let title = "Health checks"

    package let check = Setting(
        "health-check", \.healthChecks, .healthChecks, isLive: true,
        help: """
            How endpoints are checked; may be repeated, and then all checks must pass. grpc asks grpc.health.v1.Health \
            for the server or, as grpc:SERVICE, for a service. grpc-watch does so over a connection that stays open, and \
            has the server say by Watch when its state changes: that, and the end of the connection, count at once. \
            grpc-call:/SERVICE/METHOD makes a unary call with an empty message, and requires OK; of \
            /inference.GRPCInferenceService, the answer to ServerLive, ServerReady and ModelReady?name=MODEL must be \
            true as well. http:/PATH requires any 2xx, http://:PORT/PATH the same on another port; tcp requires a \
            connection; none takes every endpoint to be healthy.
            """)
    package let interval = Setting(
        "health-interval", \.healthInterval, .duration(in: .milliseconds(50) ... .seconds(3600)), isLive: true,
        help: "The time from one check of an endpoint to the next; for grpc-watch, also from one PING to the next.")
    package let timeout = Setting(
        "health-timeout", \.healthTimeout, .duration(in: .milliseconds(10) ... .seconds(60)), isLive: true,
        help: "How long a check may take.")
    package let rise = Setting(
        "health-rise", \.healthRise, .count(in: 1...100), isLive: true,
        help: "How many checks in a row must pass to make an unhealthy endpoint healthy.")
    package let fall = Setting(
        "health-fall", \.healthFall, .count(in: 1...100), isLive: true,
        help: """
            How many checks in a row must fail to make a healthy endpoint unhealthy. What grpc-watch hears of the server's \
            end counts at once.
            """)

    package init() {}
}
