/// How endpoints' health is checked.
package struct HealthSettings: SettingGroup {
    package static let title = "Health checks"

    package let check = Setting(
        "health-check", \.healthChecks, .healthChecks, isLive: true,
        help: """
            How endpoints are checked; may be repeated, and then all checks must pass. grpc asks grpc.health.v1.Health \
            for the server or, as grpc:SERVICE, for a service; http:/PATH requires any 2xx; tcp requires a connection; \
            none takes every endpoint to be healthy.
            """)
    package let interval = Setting(
        "health-interval", \.healthInterval, .duration(in: .milliseconds(50) ... .seconds(3600)), isLive: true,
        help: "The time from one check of an endpoint to the next.")
    package let timeout = Setting(
        "health-timeout", \.healthTimeout, .duration(in: .milliseconds(10) ... .seconds(60)), isLive: true,
        help: "How long a check may take.")
    package let rise = Setting(
        "health-rise", \.healthRise, .count(in: 1...100), isLive: true,
        help: "How many checks in a row must pass to make an unhealthy endpoint healthy.")
    package let fall = Setting(
        "health-fall", \.healthFall, .count(in: 1...100), isLive: true,
        help: "How many checks in a row must fail to make a healthy endpoint unhealthy.")

    package init() {}
}
