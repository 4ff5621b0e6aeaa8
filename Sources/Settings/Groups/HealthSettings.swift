/// How endpoints are asked for their health.
package struct HealthSettings: SettingGroup {
    package static let title = "Health checks"

    package let check = Setting(
        "health-check", \.healthChecks, .healthChecks, isLive: true,
        help: """
            How endpoints are checked; may be repeated, and then all must pass. grpc asks grpc.health.v1.Health for the \
            server or, as grpc:SERVICE, for a service; http:/PATH wants any 2xx; tcp wants a connection; none takes \
            every endpoint for healthy.
            """)
    package let interval = Setting(
        "health-interval", \.healthInterval, .duration(in: .milliseconds(50) ... .seconds(3600)), isLive: true,
        help: "From one check of an endpoint to the next.")
    package let timeout = Setting(
        "health-timeout", \.healthTimeout, .duration(in: .milliseconds(10) ... .seconds(60)), isLive: true,
        help: "How long a check may take.")
    package let rise = Setting(
        "health-rise", \.healthRise, .count(in: 1...100), isLive: true,
        help: "Passes in a row that make an unhealthy endpoint healthy.")
    package let fall = Setting(
        "health-fall", \.healthFall, .count(in: 1...100), isLive: true,
        help: "Failures in a row that make a healthy endpoint unhealthy.")

    package init() {}
}
