import Connections
import Ground
import DataPlane
import HealthCheck
import Logging

// The forms that only a proxy needs.

extension SettingForm where Value == Endpoint {
    /// An address to listen on.
    static var address: Self {
        SettingForm(
            "HOST:PORT", allowed: "HOST:PORT, with an IPv6 address in brackets and port 0 for any free port",
            text: \.description, parse: { Endpoint(hostAndPort: $0) })
    }

    /// An address to listen on, or the path of a Unix socket.
    static var addressOrPath: Self {
        SettingForm(
            "HOST:PORT|unix:PATH",
            allowed:
                "HOST:PORT, with an IPv6 address in brackets and port 0 for any free port, or unix:PATH with a path "
                + "of at most \(Endpoint.longestPath) bytes",
            text: \.description, parse: { Endpoint($0) })
    }
}

extension SettingForm where Value == Endpoint? {
    /// An address to listen on, or `off` for none.
    static var addressOrOff: Self {
        SettingForm(
            "HOST:PORT|off",
            allowed: "off, or HOST:PORT, with an IPv6 address in brackets and port 0 for any free port",
            text: { $0?.description ?? "off" },
            parse: { text in text == "off" ? .some(nil) : Endpoint(hostAndPort: text).map { .some($0) } })
    }
}

extension SettingForm where Value == WebAddress? {
    /// An URL, or `off` for none.
    static var webAddressOrOff: Self {
        let allowed = "off, or http://HOST[:PORT][/PATH] or https://… without a user, a password or a fragment"
        return SettingForm(
            "URL|off", kind: .value, values: allowed,
            parse: { given throws(Flaw) in
                let text = given.count == 1 ? given[0] : ""
                if text == "off" { return nil }
                if let address = WebAddress(text) { return address }
                // A password must not get into a log.
                guard let at = text.lastIndex(of: "@") else { throw Flaw(allowed: allowed) }
                throw Flaw(culprit: "…" + text[at...], allowed: allowed)
            },
            text: { $0?.description ?? "off" })
    }
}

extension SettingForm where Value == String? {
    /// The name of metadata, or `off` for none.
    static var metadataName: Self {
        SettingForm(
            "NAME|off",
            allowed: """
                off, or a name of lower-case letters, digits, "-", "_" and "." that neither HTTP nor gRPC nor the Proxy \
                uses itself
                """,
            values: "off, or a name in lower case", text: { $0 ?? "off" },
            parse: { text in text == "off" ? .some(nil) : MetadataName.isFree(text) ? .some(text) : nil })
    }
}

extension SettingForm where Value == StickyKey {
    static var stickyKey: Self {
        SettingForm(
            "KEY", allowed: "none, client, or metadata:NAME with a name in lower case that neither HTTP nor gRPC uses",
            values: "none, client, metadata:NAME", text: \.description,
            parse: { text in
                switch text {
                case "none": return StickyKey.none
                case "client": return .client
                default:
                    guard text.hasPrefix("metadata:") else { return nil }
                    let name = String(text.dropFirst("metadata:".count))
                    return MetadataName.isFree(name) ? .metadata(name) : nil
                }
            })
    }
}

extension SettingForm where Value == [MethodPattern] {
    static var methodPatterns: Self {
        list(
            "METHOD[,METHOD…]", of: "method",
            allowed: "none, *, /package.Service/*, or /package.Service/Method, several with commas", mayBeNone: true,
            isSet: true, parse: { MethodPattern($0) })
    }
}

extension SettingForm where Value == DescriptorSource {
    static var descriptorSource: Self {
        SettingForm(
            "FILE|reflection|off", allowed: "off, reflection, or a file's path", text: \.description,
            parse: { text in
                switch text {
                case "off": .off
                case "reflection": .reflection
                default: SettingForm<String>.path(text).map { .file(path: $0) }
                }
            })
    }
}

extension SettingForm where Value == [Endpoint] {
    /// Upstreams' addresses: at least one, without duplicates.
    static var endpoints: Self {
        list(
            "HOST:PORT[,…]", of: "endpoint",
            allowed: "HOST:PORT[,HOST:PORT…], with an IPv6 address in brackets and ports 1 to 65535; or unix:PATH for "
                + "one, with a path of at most \(Endpoint.longestPath) bytes",
            isSet: true,
            parse: { text in Endpoint(text).flatMap { $0.port == 0 && $0.unixPath == nil ? nil : $0 } })
    }
}

extension SettingForm where Value == [HealthCheck] {
    static var healthChecks: Self {
        list(
            "CHECK", kind: .repeatedList, of: "check",
            allowed: """
                grpc, grpc:SERVICE, grpc-call:/SERVICE/METHOD, grpc-watch, grpc-watch:SERVICE, http:/PATH, \
                http://:PORT/PATH, tcp, or none alone
                """,
            mayBeNone: true, isSet: true,
            parse: { (text) throws(Flaw) -> HealthCheck? in
                // A path or a service's name can contain no other characters.
                guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
                do throws(HealthCheckFlaw) {
                    return try HealthCheck(reading: text)
                } catch {
                    guard let allowed = error.allowed else { return nil }
                    throw Flaw(culprit: text, allowed: allowed)
                }
            })
    }
}

extension SettingForm where Value == [AddressRange] {
    static var addressRanges: Self {
        list(
            "CIDR[,CIDR…]", of: "range",
            allowed: "none, or CIDR[,CIDR…] with zeros beyond the length, such as 10.0.0.0/8,fd00::/8,192.0.2.1",
            mayBeNone: true, parse: { AddressRange($0) })
    }
}

extension SettingForm where Value == Color {
    static var color: Self {
        SettingForm(
            Color.allCases.map(\.name).joined(separator: "|"),
            allowed: Color.allCases.map(\.name).joined(separator: ", "),
            text: \.name, parse: { Color(name: $0) })
    }
}

extension SettingForm where Value == Logger.Level {
    static var logLevel: Self {
        SettingForm(
            "LEVEL", allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "), text: \.rawValue,
            parse: { Logger.Level(rawValue: $0) })
    }
}

extension SettingForm where Value == AccessLogDestination {
    static var accessLog: Self {
        SettingForm(
            "FILE|-|off", allowed: "a file's path, - or off",
            text: { destination in
                switch destination {
                case .off: "off"
                case .standardOutput: "-"
                case .file(let path): path
                }
            },
            parse: { text in
                switch text {
                case "off": .off
                case "-": .standardOutput
                default: SettingForm<String>.path(text).map { .file(path: $0) }
                }
            })
    }
}

extension SettingForm where Value == String? {
    /// A name for certificates to match, or none.
    static var serverName: Self {
        SettingForm(
            "NAME", allowed: "a DNS name or an IP address, without a port", text: { $0 },
            parse: { text in
                let isName = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"/[]\"".utf8.contains($0) }
                let hasPort = text.utf8.count { $0 == UInt8(ascii: ":") } == 1
                return isName && !hasPort && (1...253).contains(text.utf8.count) ? .some(text) : .none
            })
    }
}
