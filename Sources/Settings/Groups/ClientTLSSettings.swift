/// What clients are shown and asked for.
package struct ClientTLSSettings: SettingGroup {
    package static let title = "TLS with clients"

    package let certificate = Setting(
        "tls-cert", \.tlsCertificate, .pemFile,
        help: "Speak TLS 1.2 or 1.3 with clients, ALPN h2, with this certificate and its chain (PEM).")
    package let key = Setting(
        "tls-key", \.tlsKey, .pemFile, help: "The certificate's private key (PEM).")
    package let clientAuthority = Setting(
        "tls-client-ca", \.tlsClientAuthority, .pemFile,
        help: "Let only clients in that show a certificate signed by one of these authorities (PEM).")
    package let forwardsIdentity = Setting(
        "forward-client-identity", \.forwardsClientIdentity, .flag,
        help: """
            Tell backends, in the field x-forwarded-client-cert, who a client is by its certificate; needs \
            --tls-client-ca. What clients send by that name never passes, also without this.
            """)

    package init() {}
}
