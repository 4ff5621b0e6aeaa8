/// TLS with upstreams.
package struct UpstreamTLSSettings: SettingGroup {
    package static let title = "TLS with upstreams"

    package let isOn = Setting(
        "upstream-tls", \.usesUpstreamTLS, .flag,
        help: """
            Use TLS with the upstreams, ALPN h2, and accept only certificates for the endpoint's name or address. gRPC \
            and HTTP health checks do the same.
            """)
    package let authority = Setting(
        "upstream-tls-ca", \.upstreamTLSAuthority, .pemFile, standardInWords: "the system's",
        help: "The authorities that may have signed an upstream's certificate (PEM).")
    package let certificate = Setting(
        "upstream-tls-cert", \.upstreamTLSCertificate, .pemFile,
        help: "The certificate, with its chain, for upstreams that ask for one (PEM).")
    package let key = Setting(
        "upstream-tls-key", \.upstreamTLSKey, .pemFile, help: "That certificate's private key (PEM).")
    package let serverName = Setting(
        "upstream-tls-server-name", \.upstreamTLSServerName, .serverName, standardInWords: "each endpoint's",
        help: "The name that upstreams' certificates must be for.")

    package init() {}
}
