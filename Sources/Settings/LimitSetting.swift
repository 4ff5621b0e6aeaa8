import DataPlane
import DurationSyntax

/// One of the data plane's limits as a setting, or whom they are for: its name, what it may be, and where it goes. `DataPlaneLimits` has the
/// defaults.
struct LimitSetting: Sendable {
    private enum Kind: Sendable {
        case count(any WritableKeyPath<DataPlaneLimits, Int> & Sendable, ClosedRange<Int>)
        case time(any WritableKeyPath<DataPlaneLimits, Duration> & Sendable, ClosedRange<Duration>)
        /// Addresses; none by default.
        case addresses(any WritableKeyPath<DataPlaneLimits, [AddressRange]> & Sendable)
        case timeOrOff(any WritableKeyPath<DataPlaneLimits, Duration?> & Sendable, ClosedRange<Duration>)
        case onOrOff(any WritableKeyPath<DataPlaneLimits, Bool> & Sendable)
    }

    let name: SettingName
    private let kind: Kind

    private init(_ name: SettingName, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }

    private static let times: ClosedRange<Duration> = .milliseconds(100) ... .seconds(86_400)
    private static let gibibyte = 1 << 30

    /// Every limit that can be set.
    static let all: [LimitSetting] = [
        LimitSetting(.maxConcurrentStreams, .count(\.maxConcurrentStreams, 1...100_000)),
        LimitSetting(.maxConnections, .count(\.maxConnections, 1...1_000_000)),
        LimitSetting(.streamWindow, .count(\.streamWindow, 1024...gibibyte)),
        // A connection's window begins at 65,535 bytes and can't be made smaller (RFC 9113, section 6.9.2).
        LimitSetting(.connectionWindow, .count(\.connectionWindow, 65_535...gibibyte)),
        LimitSetting(.maxHeaderListSize, .count(\.maxHeaderListSize, 1024...65_536)),
        LimitSetting(.maxHeaderFields, .count(\.maxHeaderFields, 10...2048)),
        LimitSetting(.resetBudget, .count(\.resetBudget, 1...1_000_000)),
        LimitSetting(.resetRefill, .time(\.resetRefill, .milliseconds(1) ... .seconds(3600))),
        LimitSetting(.proxyProtocol, .addresses(\.proxyProtocol)),
        LimitSetting(.trustedPeers, .addresses(\.trustedPeers)),
        LimitSetting(.controlFrameBudget, .count(\.controlFrameBudget, 100...1_000_000)),
        LimitSetting(.minPingInterval, .time(\.minPingInterval, .zero ... .seconds(3600))),
        LimitSetting(.maxBufferedBytes, .count(\.maxBufferedBytes, (1 << 20)...(1024 * gibibyte))),
        LimitSetting(.maxReplayBytes, .count(\.maxReplayBytes, 0...(16 << 20))),
        LimitSetting(.maxUpstreamStreams, .count(\.maxStreamsPerUpstreamConnection, 1...1_000_000)),
        LimitSetting(.maxUpstreamConnections, .count(\.maxConnectionsPerEndpoint, 1...10_000)),
        LimitSetting(.upstreamResets, .count(\.upstreamResets, 2...1_000_000)),
        LimitSetting(.maxWaiting, .count(\.maxWaiting, 1...1_000_000)),
        LimitSetting(.waitTimeout, .time(\.waitTimeout, .milliseconds(250) ... .seconds(86_400))),
        LimitSetting(.revealUpstream, .onOrOff(\.revealsUpstreams)),
        LimitSetting(.connectTimeout, .time(\.connectTimeout, .milliseconds(10) ... .seconds(600))),
        LimitSetting(.prefaceTimeout, .time(\.prefaceTimeout, .milliseconds(250) ... .seconds(3600))),
        LimitSetting(.headerTimeout, .time(\.headerTimeout, .milliseconds(250) ... .seconds(3600))),
        LimitSetting(.writeTimeout, .time(\.writeTimeout, .milliseconds(250) ... .seconds(86_400))),
        LimitSetting(.idleTimeout, .timeOrOff(\.idleTimeout, times)),
        LimitSetting(.streamIdleTimeout, .timeOrOff(\.streamIdleTimeout, times)),
        LimitSetting(.deadlineGrace, .time(\.deadlineGrace, .zero ... .seconds(3600))),
        LimitSetting(.upstreamKeepalive, .timeOrOff(\.upstreamKeepalive, times)),
        LimitSetting(.upstreamKeepaliveTimeout, .time(\.keepaliveTimeout, .milliseconds(100) ... .seconds(3600))),
        LimitSetting(.ejectionThreshold, .count(\.ejectionThreshold, 1...1_000_000)),
        LimitSetting(.ejectionTime, .time(\.ejectionTime, .milliseconds(100) ... .seconds(3600))),
        LimitSetting(.minConnectBackoff, .time(\.minConnectBackoff, .milliseconds(1) ... .seconds(60))),
        LimitSetting(.maxConnectBackoff, .time(\.maxConnectBackoff, .milliseconds(1) ... .seconds(600))),
        LimitSetting(.goawayTimeout, .time(\.goAwayTimeout, .milliseconds(10) ... .seconds(60))),
    ]

    /// All limits, as they are set or as they are by default.
    static func read(_ reader: inout SettingReader) -> DataPlaneLimits {
        var limits = DataPlaneLimits()
        for setting in all { setting.read(&reader, into: &limits) }
        if limits.minConnectBackoff > limits.maxConnectBackoff {
            reader.reject(
                .minConnectBackoff, limits.minConnectBackoff.text,
                allowed: "at most \(SettingName.maxConnectBackoff.flag), which is \(limits.maxConnectBackoff.text)")
        }
        return limits
    }

    /// As it would be written; `nil` for a setting that is no limit.
    static func text(of name: SettingName, in limits: DataPlaneLimits) -> String? {
        guard let setting = all.first(where: { $0.name == name }) else { return nil }
        switch setting.kind {
        case .count(let path, _): return "\(limits[keyPath: path])"
        case .time(let path, _): return limits[keyPath: path].text
        case .timeOrOff(let path, _): return limits[keyPath: path]?.text ?? "off"
        case .addresses(let path):
            let ranges = limits[keyPath: path]
            return ranges.isEmpty ? "none" : ranges.map(\.description).joined(separator: ",")
        case .onOrOff(let path): return limits[keyPath: path] ? "on" : "off"
        }
    }

    private func read(_ reader: inout SettingReader, into limits: inout DataPlaneLimits) {
        switch kind {
        case .count(let path, let range):
            limits[keyPath: path] = reader.readInteger(name, default: limits[keyPath: path], in: range)
        case .time(let path, let range):
            limits[keyPath: path] = reader.readDuration(name, default: limits[keyPath: path], in: range)
        case .timeOrOff(let path, let range):
            limits[keyPath: path] = reader.readDurationOrOff(name, default: limits[keyPath: path], in: range)
        case .addresses(let path):
            // `nil` stands for `none`.
            let ranges = reader.readAll(
                name, default: limits[keyPath: path].map { .some($0) },
                allowed: "none, or CIDR[,CIDR…] with zeros beyond the length, such as 10.0.0.0/8,fd00::/8,192.0.2.1"
            ) { text -> AddressRange?? in text == "none" ? .some(nil) : AddressRange(text).map { .some($0) } }
            limits[keyPath: path] = ranges.compactMap { $0 }
        case .onOrOff(let path):
            limits[keyPath: path] = reader.readSwitch(name, default: limits[keyPath: path])
        }
    }
}
