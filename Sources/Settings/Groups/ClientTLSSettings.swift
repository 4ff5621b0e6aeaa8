/// The certificate shown to clients, and the one required of them.
package struct ClientTLSSettings: SettingGroup {
    package static let title = "TLS with clients"

    package let certificate = Setting(
        "tls-cert", \.tlsCertificate, .pemFile,
        help: "Use TLS 1.2 or 1.3 with clients, ALPN h2, with this certificate and its chain (PEM).")
    package let key = Setting(
        "tls-key", \.tlsKey, .pemFile, help: "The certificate's private key (PEM).")
    package let clientAuthority = Setting(
        "tls-client-ca", \.tlsClientAuthority, .pemFile,
        help: "Admit only clients that show a certificate signed by one of these authorities (PEM).")
    package let forwardsIdentity = Setting(
        "forward-client-identity", \.forwardsClientIdentity, .flag,
        help: """
            Tell upstreams, in the field x-forwarded-client-cert, who a client is according to its certificate; needs \
            --tls-client-ca. Fields of that name from clients are never forwarded, with or without this flag.
            """)

    package init() {}
}
